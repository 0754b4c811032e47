"""Daphne's server with SIP and MSRP listeners beside HTTP and WebSocket: one process, one event loop.

The application is told of start and stop by ASGI's own lifespan protocol; SIP and MSRP are not opened before it said
that it is ready, and not closed before it has drained. The contract is in ``docs/asgi.md``.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

from daphne.server import Server as DaphneServer
from twisted.internet import defer, reactor

from protocols.asgi import Admission, Connection, DatagramConnection, Scope, StreamConnection
from protocols.descriptors import connections_within, raise_limit
from protocols.tls import Tls, TlsFiles, peer_expires
from protocols.tls_listener import TlsListener
from protocols.turns import Turns

logger = logging.getLogger(__name__)

UDP_BUFFER: Final = 8 << 20
"""Octets asked of the kernel for each UDP socket, so that a pause of the loop loses nothing."""
HTTP_SHARE: Final = 0.25
"""Of the descriptors, what HTTP and WebSocket connections may have."""
STREAM_SHARE: Final = 0.65
"""What SIP and MSRP connections may have when one more comes in."""
BACKLOG: Final = 4096
SAY_AGAIN: Final = 60.0
"""Seconds between two lines in the log about connections for which there is no room."""


class Listener(NamedTuple):
    """One address to listen on. ``transport`` is ``udp``, ``tcp`` or ``tls``."""

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


class ListenError(Exception):
    """A listener cannot be opened; ``setting`` names whose value is to be changed."""

    def __init__(self, setting: str, listener: str, reason: str) -> None:
        super().__init__(f"{setting}: cannot listen on {listener}: {reason}")


class Server(DaphneServer):  # type: ignore[misc]  # Daphne has no types
    """Takes what Daphne's takes, ``sip`` and ``msrp`` listeners, and ``tls`` for those and for connections out.

    ``on_ready`` is called once everything listens. ``failure`` says, after :meth:`run`, why it did not or could not go
    on; None after an ordinary stop.
    """

    def __init__(
        self,
        application: Any,
        endpoints: Sequence[str],
        *,
        sip: Sequence[Listener] = (),
        msrp: Sequence[Listener] = (),
        tls: Tls | None = None,
        on_ready: Callable[[], None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(application, endpoints, **options)
        self.failure: str | None = None
        self._on_ready = on_ready
        self._wanted = {"sip": tuple(sip), "msrp": tuple(msrp)}
        self._sockets: list[tuple[str, Listener, socket.socket]] = []
        self._connections: set[Connection] = set()
        self._tcp_servers: list[asyncio.Server | TlsListener] = []
        self._state: dict[str, Any] = {}
        self._tls = tls or Tls(TlsFiles())
        self._connections_limit = connections_within(raise_limit())
        self._turns: Turns
        self._admission: Admission | None = None
        self._say_again = float("-inf")
        self.refused = 0
        """Connections that the application, or the number of descriptors, did not let in."""
        self._extensions = {"dial": {"connect": self.connect}, "listening": {}, "tls": {"files": self._tls}}
        self._lifespan: _Lifespan | None = None
        self._stopping = False

    # -------------------------------------------------------------------- running

    def run(self) -> None:
        """Bind, serve until stopped, drain. Raises ListenError before anything is served."""
        for kind, listeners in self._wanted.items():
            for listener in listeners:
                self._sockets.append((kind, listener, _bind(kind, listener)))
        reactor.callWhenRunning(self._begin)
        super().run()
        for _, _, sock in self._sockets:
            sock.close()
        if self.failure and not self._stopping:
            logger.error(self.failure)

    def listen_error(self, failure: Any) -> None:
        """An HTTP endpoint cannot be opened."""
        self.failure = f"HTTP_LISTEN: {failure.getErrorMessage()}"
        self.stop()

    def _begin(self) -> None:
        self._starting = asyncio.ensure_future(self._start())

    async def _start(self) -> None:
        try:
            self._lifespan = _Lifespan(self.application, self._state, self._extensions)
            await self._lifespan.startup()
            self._turns = Turns(asyncio.get_running_loop().call_soon)
            self._admission = self._state.get("admission")
            # SIP comes last: INVITEs wait in its socket since that was bound, and who has our answer connects at once.
            for kind, listener, sock in sorted(self._sockets, key=lambda each: each[0] == "sip"):
                await self._open(kind, listener, sock)
        except Exception as error:
            self.failure = str(error) or repr(error)
            if not isinstance(error, (OSError, LifespanError)):
                logger.exception("start failed")
            self.stop()
            return
        await self._lifespan.listening()
        if self._on_ready is not None:
            self._on_ready()

    async def _open(self, kind: str, listener: Listener, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server: tuple[str, int] = sock.getsockname()[:2]
        if listener.transport == "udp":
            connection = DatagramConnection(kind, self._forget, self._turns, sock, self._admission)
            self._adopt(connection, self._scope(kind, "udp", server, None))
            return

        admission = self._admission

        def takes(host: str) -> bool:
            crowded = len(self._connections) + self._handshakes >= self._most_streams
            if crowded:
                self._say_crowded()
            if crowded or (admission is not None and not admission.takes_connection(kind, host)):
                self.refused += 1
                return False
            return True

        def gone(host: str) -> None:
            if admission is not None:
                admission.connection_gone(kind, host)

        def accepted(stream: StreamConnection) -> None:
            if listener.transport != "tls" and not takes(stream.host):
                stream.abort()
                return
            client = (stream.transport.get_extra_info("peername") or ("", 0))[:2]
            stream.on_close = closed
            self._adopt(stream, self._scope(kind, listener.transport, server, client))

        def closed(stream: Connection) -> None:
            assert isinstance(stream, StreamConnection)
            self._forget(stream)
            gone(stream.host)

        def made() -> StreamConnection:
            return StreamConnection(kind, self._forget, accepted, self._turns)

        if listener.transport == "tls":
            self._tcp_servers.append(TlsListener(sock, self._tls.server, made, takes, gone, BACKLOG))
        else:
            self._tcp_servers.append(await loop.create_server(made, sock=sock, backlog=BACKLOG))

    def _scope(
        self,
        kind: str,
        transport: str,
        server: tuple[str, int],
        client: tuple[str, int] | None,
        token: object = None,
        certificate_expires: float | None = None,
    ) -> Scope:
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "transport": transport,
            "server": server,
            "client": client,
            "token": token,
            "certificate_expires": certificate_expires,
            "state": dict(self._state),
            "extensions": self._extensions,
        }

    def _adopt(self, connection: Connection, scope: Scope) -> None:
        self._connections.add(connection)
        connection.run(self.application, scope)

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)

    async def connect(self, kind: str, host: str, port: int, *, token: object, timeout: float, name: str = "") -> None:
        """Open a TCP connection; a new application instance serves it, with ``token`` in its scope.

        ``name``: over TLS, to a peer whose certificate is for that name. Raises OSError, or TimeoutError after
        ``timeout`` seconds.
        """
        loop = asyncio.get_running_loop()

        def connected(stream: StreamConnection) -> None:
            local = stream.transport.get_extra_info("sockname")[:2]
            expires = peer_expires(stream.transport.get_extra_info("ssl_object"))
            transport = "tls" if name else "tcp"
            self._adopt(stream, self._scope(kind, transport, local, (host, port), token, expires))

        secure: dict[str, Any] = {"ssl": self._tls.client, "server_hostname": name} if name else {}
        async with asyncio.timeout(timeout):
            await loop.create_connection(
                lambda: StreamConnection(kind, self._forget, connected, self._turns), host, port, **secure
            )

    # --------------------------------------------------------------- HTTP's share

    @property
    def http_factory(self) -> Any:
        """What makes Daphne's HTTP connections; Daphne sets it when it begins to run."""
        return self._http_factory

    @http_factory.setter
    def http_factory(self, factory: Any) -> None:
        build = factory.buildProtocol
        twisted: Any = reactor

        def within_the_limit(address: Any) -> Any:
            # All that Twisted reads from is HTTP's: SIP and MSRP have the loop's own transports.
            if len(twisted.getReaders()) > self._connections_limit * HTTP_SHARE:
                self.refused += 1
                self._say_crowded()
                return None
            return build(address)

        factory.buildProtocol = within_the_limit
        self._http_factory = factory

    def _say_crowded(self) -> None:
        """In the log, once a minute at most, so that nobody looks for the reason elsewhere."""
        now = monotonic()
        if now >= self._say_again:
            self._say_again = now + SAY_AGAIN
            logger.warning(
                "connections are refused: %d of SIP and MSRP are open, and RLIMIT_NOFILE has room for %d of all kinds",
                len(self._connections),
                self._connections_limit,
            )

    @property
    def _handshakes(self) -> int:
        return sum(len(each.handshakes) for each in self._tcp_servers if isinstance(each, TlsListener))

    @property
    def _most_streams(self) -> int:
        """Connections of SIP and MSRP that may be there before no more come in; what is left is for those we open."""
        return int(self._connections_limit * STREAM_SHARE)

    # ------------------------------------------------------------------- stopping

    def kill_all_applications(self) -> Any:
        """Drain, cancel the applications, close the sockets: one Deferred that the reactor waits for."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._stop()))

    async def _stop(self) -> None:
        self._stopping = True
        try:
            if self._lifespan is not None:
                await self._lifespan.shutdown()
        except Exception:
            logger.exception("drain failed")
        for tcp_server in self._tcp_servers:
            tcp_server.close()
        tasks = [each.task for each in self._connections if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await super().kill_all_applications().asFuture(asyncio.get_running_loop())
        except Exception:
            logger.exception("an HTTP application did not stop")


class LifespanError(Exception):
    """The application said that it cannot start, and why."""


class _Lifespan:
    """The server's side of ASGI's lifespan protocol, spec 2.0, with state."""

    def __init__(self, application: Any, state: dict[str, Any], extensions: dict[str, Any]) -> None:
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": state,
            "extensions": extensions,
        }
        self._task = asyncio.ensure_future(application(scope, self._in.get, self._out.put))

    async def startup(self) -> None:
        """Raises what the application raises, or LifespanError with its message."""
        event = await self._exchange("lifespan.startup")
        if event["type"] != "lifespan.startup.complete":
            raise LifespanError(event.get("message", "the application failed to start"))

    async def listening(self) -> None:
        """Every SIP and MSRP listener is open. Wants no answer."""
        await self._in.put({"type": "lifespan.listening"})

    async def shutdown(self) -> None:
        """Returns when the application has drained."""
        if not self._task.done():
            await self._exchange("lifespan.shutdown")

    async def _exchange(self, kind: str) -> dict[str, Any]:
        await self._in.put({"type": kind})
        answer = asyncio.ensure_future(self._out.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            self._task.result()  # raises the application's own exception
            raise LifespanError("the application left without a word")
        return answer.result()


def _bind(kind: str, listener: Listener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM if listener.transport == "udp" else socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if listener.transport == "udp":
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                sock.setsockopt(socket.SOL_SOCKET, option, UDP_BUFFER)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((listener.host, listener.port))
    except OSError as error:
        sock.close()
        raise ListenError(f"{kind.upper()}_LISTEN", str(listener), error.strerror or str(error)) from None
    return sock
