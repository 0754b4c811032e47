"""The gateway: sessions between SIP MESSAGE and MSRP, and the records of what it did."""
