"""uvloop under Twisted. Daphne installs a reactor when it is imported, so this must come first."""

from __future__ import annotations

import sys


def install() -> None:
    """Make Twisted run on uvloop; does nothing where a reactor is installed already (the `daphne` command line)."""
    if "twisted.internet.reactor" in sys.modules:
        return
    import uvloop
    from twisted.internet import asyncioreactor

    asyncioreactor.install(uvloop.new_event_loop())
