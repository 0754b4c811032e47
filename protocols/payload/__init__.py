"""What messages carry: CPIM, IMDN, isComposing, encodings, character sets, HTML, long text. No I/O, no SIP, no MSRP."""
