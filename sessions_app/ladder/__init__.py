"""The ladder of a session: sender, gateway and MSRP peer as columns, what passed between them as arrows."""
