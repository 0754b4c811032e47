"""SIP, MSRP and the payloads they carry, as sans-IO cores with thin transports.

Nothing here knows Django, a database or the gateway: arrows go down only (``tests/test_architecture.py``).
"""
