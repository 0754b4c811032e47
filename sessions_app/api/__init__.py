"""The REST interface: what the records say, for programs, and the one wish a program may have: end a session."""
