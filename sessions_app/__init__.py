"""The gateway: sessions between SIP MESSAGE and MSRP, and the records of what it did."""

__version__ = "0.1.0"
