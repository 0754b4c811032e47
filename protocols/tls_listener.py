"""Accepting for TLS: whoever connects is judged by the address before the handshake, which costs the most.

asyncio's own servers tell of a connection once its handshake is over; until then it would hold a descriptor, and be
worked for, unasked and uncounted.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final

from protocols.descriptors import is_exhaustion

logger = logging.getLogger(__name__)

HANDSHAKE: Final = 10.0
"""Seconds that whoever connects may take for the handshake."""
PAUSE: Final = 1.0
"""Seconds without accepting while there is no descriptor left, as asyncio's own servers do it."""


class TlsListener:
    """Accepts on a socket that is bound, from within a running loop. ``context`` may take over other certificates.

    ``takes(host)`` says whether a connection is let in; ``gone(host)`` is told of one that was, and whose handshake
    failed. For one whose handshake is over ``made`` makes the protocol.
    """

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        made: Callable[[], asyncio.BaseProtocol],
        takes: Callable[[str], bool],
        gone: Callable[[str], None],
        backlog: int,
    ) -> None:
        self._sock = sock
        self._context = context
        self._made = made
        self._takes = takes
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self.handshakes: set[asyncio.Task[None]] = set()
        """Those that are under way."""
        sock.listen(backlog)
        self._task = self._loop.create_task(self._accept())

    def close(self) -> None:
        """Accept no more, and give up the handshakes; the socket is its owner's to close."""
        self._task.cancel()
        for each in self.handshakes:
            each.cancel()

    async def _accept(self) -> None:
        while True:
            try:
                connection, address = await self._loop.sock_accept(self._sock)
            except OSError as error:
                if is_exhaustion(error):
                    logger.error("no connection is accepted over TLS for %.0f s: %s", PAUSE, error)
                    await asyncio.sleep(PAUSE)
                continue  # else it was gone before we had it
            host = address[0]
            if not self._takes(host):
                connection.close()
                continue
            task = self._loop.create_task(self._shake(connection, host))
            self.handshakes.add(task)
            task.add_done_callback(self.handshakes.discard)

    async def _shake(self, connection: socket.socket, host: str) -> None:
        try:
            connection.setblocking(False)
            await self._loop.connect_accepted_socket(
                self._made, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE
            )
        except (OSError, asyncio.CancelledError) as error:  # ssl.SSLError is an OSError
            connection.close()
            self._gone(host)
            if isinstance(error, asyncio.CancelledError):
                raise
