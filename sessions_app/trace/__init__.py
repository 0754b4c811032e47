"""What went over the wires, for the ladder: taken down in the sockets' shells, looked through by a thread."""
