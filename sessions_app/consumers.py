"""The ASGI applications for SIP, MSRP and the process's life. The contract is in ``docs/asgi.md``.

One instance runs a UDP socket or a TCP connection; all share the one :class:`GatewayHost` in ``scope["state"]``.
They are raw ASGI and not Channels consumers: a consumer's dispatch costs more than carrying a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from protocols.sip import strangers
from protocols.sip.flow import Target
from protocols.sip.stream import PONG, SipStream
from sessions_app.flows import MsrpFlow, TcpFlow, UdpFlow
from sessions_app.host import GatewayHost, IdleWatch
from sessions_app.trace.tape import Link

logger = logging.getLogger(__name__)

HEAD_ROOM = 1 << 20
"""Octets that may wait for a SIP peer which does not read, beside one message of the largest size."""

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Start the gateway with the server, drain it before the server goes."""
    await receive()
    host = GatewayHost(scope["extensions"]["dial"]["connect"], scope["extensions"]["tls"]["files"])
    try:
        await host.start()
    except Exception as error:
        logger.debug("start failed", exc_info=True)
        await send({"type": "lifespan.startup.failed", "message": str(error).strip() or repr(error)})
        return
    scope["state"]["gateway"] = host
    scope["state"]["admission"] = host.admission
    await send({"type": "lifespan.startup.complete"})
    while (await receive())["type"] != "lifespan.shutdown":
        host.listening()
    await host.stop()
    await send({"type": "lifespan.shutdown.complete"})


class SipApplication:
    """SIP over a UDP socket, or a TCP or TLS connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one of them until it is closed."""
        host: GatewayHost = scope["state"]["gateway"]
        if scope["transport"] == "udp":
            await self._udp(host, scope, receive, send)
        elif scope["token"] is not None or host.admission.knows(scope["client"][0]):
            await self._tcp(host, scope, receive, send)
        else:
            await self._stranger(host, scope, receive, send)

    async def _udp(self, host: GatewayHost, scope: Scope, receive: Receive, send: Send) -> None:
        tape, link = host.tape, Link("sip", "udp", scope["server"], None)
        flow = UdpFlow(host.sent_by("udp"), send, host.pump, tape, link)
        gateway = host.gateway
        gateway.transports.add_udp(flow, ipv6=":" in scope["server"][0])
        take = gateway.layer.receive
        clock = host.clock
        while True:
            event = await receive()
            if event["type"] == "sip.disconnect":
                flow.alive = False
                return
            gateway.advance(clock())
            if tape.on:
                tape.note(link, False, event["datagrams"])
            for data, source in event["datagrams"]:
                if len(data) > 4:  # less is a keep-alive
                    try:
                        take(data, source[:2], flow)
                    except Exception as error:  # a bug of ours must cost one message, not the socket
                        host.failed(error)

    async def _tcp(self, host: GatewayHost, scope: Scope, receive: Receive, send: Send) -> None:
        peer: tuple[str, int] = scope["client"]
        transport: str = scope["transport"]
        tape, link = host.tape, Link("sip", transport, scope["server"], peer)
        flow = TcpFlow(host.sent_by(transport), send, host.pump, host.config.max_message_size + HEAD_ROOM, tape, link)
        flow.certificate_expires = scope["certificate_expires"]
        gateway = host.gateway
        to = scope["token"]
        if isinstance(to, Target):
            gateway.transports.connected(to, flow)
        else:  # one that came in
            to = Target(flow.transport, *peer)
            gateway.transports.add_stream(flow, to)
        stream = SipStream(gateway.layer.limits, gateway.held)
        idle = IdleWatch(host, send)
        try:
            while True:
                event = await receive()
                kind = event["type"]
                gateway.advance(host.clock())
                if kind == "sip.disconnect":
                    return
                if kind == "sip.writable":
                    flow.writable = event["writable"]
                    if flow.writable:
                        idle.reads_again()
                    else:  # a large message is on its way, or it does not read its answers
                        idle.does_not_read()
                    continue
                idle.seen()
                if tape.on:
                    tape.note(link, False, event["data"])
                messages, pings, error = stream.feed(event["data"])
                if pings:
                    flow.send(PONG * pings, peer)
                for message in messages:
                    try:
                        gateway.layer.receive(message, peer, flow)
                    except Exception as fault:
                        host.failed(fault)
                if error is not None:
                    gateway.layer.refuse(error, peer, flow)
                    await flow.flush()
                    await send({"type": "sip.close"})
        finally:
            idle.stop()
            stream.close()
            flow.alive = False
            gateway.transports.drop_stream(flow, to)
            gateway.layer.flow_lost(flow)

    async def _stranger(self, host: GatewayHost, scope: Scope, receive: Receive, send: Send) -> None:
        """A connection of somebody who is no peer: its first request is refused with its head, then it is closed."""
        peer: tuple[str, int] = scope["client"]
        link = Link("sip", scope["transport"], scope["server"], peer)
        flow = TcpFlow(host.sent_by(scope["transport"]), send, host.pump, HEAD_ROOM, host.tape, link)
        head = bytearray()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(host.config.stranger_timeout):
                while not strangers.is_head(head):
                    event = await receive()
                    if event["type"] == "sip.disconnect":
                        return
                    head += event.get("data", b"")
                if host.admission.may_be_refused(peer[0]):
                    if host.tape.on:
                        host.tape.note(link, False, bytes(head))
                    host.gateway.layer.strangers.refuse(bytes(head), peer, flow)
                    await flow.flush()
        await send({"type": "sip.close"})


class MsrpApplication:
    """MSRP over a TCP connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it until it is closed."""
        host: GatewayHost = scope["state"]["gateway"]
        link = Link("msrp", "tcp", scope["server"], scope["client"])
        await self._serve(host, scope["token"], link, receive, send)

    async def _serve(
        self, host: GatewayHost, to: tuple[str, int] | None, link: Link, receive: Receive, send: Send
    ) -> None:
        tape = host.tape
        gateway = host.gateway
        remote = link.remote[0] if link.remote is not None else ""
        gateway.advance(host.clock())
        connection = gateway.endpoint.create_connection(to is not None, gateway.wheel.now, remote)
        MsrpFlow(connection, send, host.pump, host.clock, tape, link)
        side = gateway.msrp_side
        if to is not None:
            side.connected(to, connection)
        try:
            while True:
                event = await receive()
                kind = event["type"]
                now = host.clock()
                gateway.advance(now)
                if kind == "msrp.data":
                    if tape.on:
                        tape.note(link, False, event["data"])
                    try:
                        events = connection.receive(event["data"], now)
                        if events:
                            side.handle(events)
                    except Exception as error:
                        host.failed(error)
                elif kind == "msrp.writable":
                    connection.writable = event["writable"]
                    if connection.writable:
                        connection.resume(now)
                else:
                    return
        finally:
            side.lost(connection)
            connection.context = connection.wake = None  # it and its flow point at each other
