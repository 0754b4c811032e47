"""Wiring: settings, entry points, child processes, the embedded database. The top floor: nothing below imports it."""
