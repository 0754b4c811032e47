"""MSRP (RFC 4975): frames, chunks, sessions, offer and answer. No sockets, no clock of its own."""
