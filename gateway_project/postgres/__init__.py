"""The embedded PostgreSQL, used while DATABASE_URL is not set.

As a Django database backend (see base.py) it starts the server on the first connection of any process; the last
process that uses it stops it. Nothing here knows the gateway's records.
"""
