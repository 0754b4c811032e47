"""The gateway among honest and hostile ends, in a world whose time, network and database are the test's.

``schedule`` says what happens, ``run`` makes it happen, ``ledger`` writes down every octet that came and went, and
``invariants`` hold what must be true whatever happened. Only ``gateway_port`` knows how the gateway is spoken to.
"""
