"""The gateway: sessions between SIP MESSAGE and MSRP, and the records of what it did."""

__version__ = "0.2.0"
"""Of pyproject.toml, which a test holds this to: a checkout that is not installed has no other means to know it."""
