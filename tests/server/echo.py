"""A small application on the contract of docs/asgi.md: it echoes, and tells what it saw on standard output.

Run as ``python -m tests.server.echo SIP_PORT MSRP_PORT HTTP_PORT``; words it gets over SIP make it do things.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

from gateway_project import reactor

reactor.install()

from protocols.server import Listener, ListenError, Server  # noqa: E402 - after the reactor


def tell(what: str, **more: Any) -> None:
    print(json.dumps({"what": what, **more}, default=str), flush=True)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    event = await receive()
    tell(event["type"], extensions=sorted(scope["extensions"]))
    if "--refuse" in sys.argv:
        await send({"type": "lifespan.startup.failed", "message": "the moon is wrong"})
        return
    scope["state"]["greeting"] = "hello"
    scope["state"]["sockets"] = {}
    await send({"type": "lifespan.startup.complete"})
    tell((await receive())["type"])
    tell((await receive())["type"])
    for udp in scope["state"]["sockets"].values():  # everything is still open
        await udp({"type": "sip.send", "datagrams": [(b"goodbye", ("127.0.0.1", int(sys.argv[4])))]})
    await asyncio.sleep(0.05)
    await send({"type": "lifespan.shutdown.complete"})
    tell("drained")


async def serve(scope: Any, receive: Any, send: Any) -> None:
    kind = scope["type"]
    shown = {name: scope[name] for name in ("type", "transport", "server", "client", "token")}
    tell("scope", **shown, greeting=scope["state"]["greeting"])
    if scope["transport"] == "udp":
        scope["state"]["sockets"][scope["server"]] = send
        if "--reach" in sys.argv:
            with socket.socket() as other:  # as another process would, before anything else happens here
                tell("msrp", reached=other.connect_ex(("127.0.0.1", int(sys.argv[2]))) == 0)
    if scope["token"] is not None:
        await send({"type": f"{kind}.send", "data": b"I called you"})
    while True:
        event = await receive()
        if event["type"].endswith(".disconnect"):
            tell("disconnect", kind=kind, reason=event["reason"])
            return
        if event["type"].endswith(".writable"):
            tell("writable", writable=event["writable"])
        elif event["type"] == "sip.datagrams":
            tell("datagrams", number=len(event["datagrams"]))
            for data, source in event["datagrams"]:
                await datagram(scope, data, source, send)
        elif event["data"] == b"close\r\n":
            await send({"type": f"{kind}.send", "data": b"last words"})
            await send({"type": f"{kind}.close"})
        elif event["data"] == b"crash\r\n":
            raise RuntimeError("asked to")
        elif event["data"] == b"flood\r\n":
            for _ in range(512):  # more than the kernel takes
                await send({"type": f"{kind}.send", "data": b"x" * 65536})
        else:
            await send({"type": f"{kind}.send", "data": event["data"]})


async def datagram(scope: Any, data: bytes, source: Any, send: Any) -> None:
    word, _, rest = data.partition(b" ")
    if word == b"dial":
        connect = scope["extensions"]["dial"]["connect"]
        try:
            await connect("msrp", "127.0.0.1", int(rest), token="called", timeout=1)
            data = b"connected"
        except OSError as error:
            data = type(error).__name__.encode()
    await send({"type": "sip.send", "datagrams": [(data, source)]})


async def application(scope: Any, receive: Any, send: Any) -> None:
    await (lifespan if scope["type"] == "lifespan" else serve)(scope, receive, send)


if __name__ == "__main__":
    sip, msrp, http = map(int, sys.argv[1:4])
    server = Server(
        application,
        [f"tcp:{http}:interface=127.0.0.1"],
        sip=[Listener("udp", "127.0.0.1", sip), Listener("tcp", "127.0.0.1", sip)],
        msrp=[Listener("tcp", "127.0.0.1", msrp)],
        on_ready=lambda: tell("ready"),
    )
    try:
        server.run()
    except ListenError as error:
        tell("failure", text=str(error))
    else:
        tell("failure", text=server.failure)
