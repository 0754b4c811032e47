"""The table of attacks as a benchmark: what each costs a gateway, and what a good peer beside it gets to feel.

``python -m bench.hostile`` runs every row against this checkout, ``--tree PATH`` (more than once) against others, so
that before and after stand one below the other. Everything is on loopback, addresses tell who is who:

    127.0.0.1    the gateway
    127.0.0.2    the good peer: 50 MESSAGEs a second over UDP, each with its MSRP answer
    127.0.0.3    an attacker whom the peers table trusts
    127.0.0.9    somebody whose address a peer writes into its requests, and who never answers
    127.0.1.*    strangers

trial.py runs one row on one checkout; victim.py is the gateway as a process; good_peer.py and attacks/ are processes of
their own, so that neither waits for the other's interpreter; the attackers are niced by 10, as on a machine with few
cores they would take from the gateway what a real attacker's machine does not. attacker.py is their sockets.
"""
