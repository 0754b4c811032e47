"""SIP (RFC 3261 and friends): messages, transactions, dialogs. No sockets, no clock of its own."""
