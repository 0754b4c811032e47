"""An MSRP endpoint for tests: a listener, connections, frames by string templates, nothing of the product's own."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import threading
import time

from tests.wire.inbox import Inbox
from tests.wire.running import HOST

_START = re.compile(rb"MSRP (\S+) ([^\r\n]+)\r\n")


class Frame:
    """A received request or response."""

    def __init__(self, raw, tid, what, flag):
        self.raw = raw
        self.tid = tid
        self.flag = flag
        """`$`, `+` or `#`."""
        self.at = time.monotonic()
        first, _, self.comment = what.partition(" ")
        self.code = int(first) if first.isdigit() else None
        self.method = None if self.code else first
        inner = raw[raw.index(b"\r\n") + 2 : raw.rindex(b"-------")]
        head, blank, body = inner.partition(b"\r\n\r\n")
        self.body = body[:-2] if blank else None
        """None where there is none, not even an empty one."""
        self.fields = {}
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(":")
            if name:
                self.fields[name.lower()] = value.strip()

    def __getitem__(self, name):
        return self.fields[name.lower()]

    def __contains__(self, name):
        return name.lower() in self.fields

    def __str__(self):
        return f"{self.method or self.code} {self.comment} {self.fields} {self.body!r} {self.flag}"


class Gone:
    """The gateway closed the connection."""

    def __str__(self):
        return "connection closed"


class MsrpWire:
    """One TCP connection."""

    def __init__(self, connection, packets):
        self.socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.own, self.other = connection.getsockname(), connection.getpeername()
        self.inbox = Inbox(f"msrp {self.own[1]}")
        self.packets = packets
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        data = b""
        while True:
            try:
                more = self.socket.recv(65536)
            except OSError:
                more = b""
            if not more:
                self.inbox.put(Gone())
                return
            self.packets.append((time.time(), self.other, self.own, more))
            data += more
            while start := _START.match(data):
                tid = start[1]
                end = re.search(rb"-------" + re.escape(tid) + rb"([$+#])\r\n", data)
                if end is None:
                    break
                raw, data = data[: end.end()], data[end.end() :]
                self.inbox.put(Frame(raw, tid.decode(), start[2].decode(), end[1].decode()))

    def write(self, data):
        """Bytes as they are."""
        self.socket.sendall(data)
        self.packets.append((time.time(), self.own, self.other, data))

    def request(self, method, to, own, *headers, body=None, flag="$", tid=None):
        """A request; `headers` are whole lines. Its transaction id."""
        tid = tid or secrets.token_hex(8)
        lines = [f"MSRP {tid} {method}", f"To-Path: {to}", f"From-Path: {own}", *headers]
        content = b"" if body is None else b"\r\n" + body + b"\r\n"
        self.write(("\r\n".join(lines) + "\r\n").encode() + content + f"-------{tid}{flag}\r\n".encode())
        return tid

    def send(self, to, own, text, *, message_id=None, content_type="text/plain", reports=(), **more):
        """A whole message. Its transaction id."""
        body = text.encode() if isinstance(text, str) else text
        return self.request(
            "SEND",
            to,
            own,
            f"Message-ID: {message_id or secrets.token_hex(8)}",
            f"Byte-Range: 1-{len(body)}/{len(body)}",
            *reports,
            f"Content-Type: {content_type}",
            body=body,
            **more,
        )

    def bind(self, to, own):
        """The empty SEND by which the active side shows itself. Its transaction id."""
        return self.request("SEND", to, own, f"Message-ID: {secrets.token_hex(8)}", "Byte-Range: 1-0/0")

    def answer(self, frame, code=200, comment="OK"):
        """A response to a request of the gateway's."""
        self.write(
            f"MSRP {frame.tid} {code} {comment}\r\nTo-Path: {frame['From-Path'].split()[0]}\r\n"
            f"From-Path: {frame['To-Path'].split()[0]}\r\n-------{frame.tid}$\r\n".encode()
        )

    def expect(self, method, within=5.0, **fields):
        """The next request of this method, whose attributes are as `fields` say."""
        return self.inbox.take(
            lambda each: (
                isinstance(each, Frame)
                and each.method == method
                and all(getattr(each, name) == value for name, value in fields.items())
            ),
            within,
            f"{method} {fields or ''}",
        )

    def response_to(self, tid, within=5.0):
        """The response to a request of ours."""
        return self.inbox.take(
            lambda each: isinstance(each, Frame) and each.code and each.tid == tid, within, f"response to {tid}"
        )

    def expect_close(self, within=5.0):
        """The gateway closes the connection."""
        self.inbox.take(lambda each: isinstance(each, Gone), within, "close")

    def having(self, method):
        """Requests of this method that came and were not expected yet."""
        return self.inbox.having(lambda each: isinstance(each, Frame) and each.method == method)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class MsrpPeer:
    """Listens for the gateway, or connects to it."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.packets = []
        self.wires = []
        self._accepted = Inbox("msrp listener")
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            wire = MsrpWire(connection, self.packets)
            self.wires.append(wire)
            self._accepted.put(wire)

    def new_path(self):
        """A fresh URI of ours."""
        return f"msrp://{HOST}:{self.port}/{secrets.token_hex(10)};tcp"

    def accepted(self, within=5.0):
        """The next connection that the gateway opens."""
        return self._accepted.take(lambda _: True, within, "connection")

    def connect(self):
        """A connection that we open."""
        wire = MsrpWire(socket.create_connection(self.gateway.msrp, timeout=5), self.packets)
        wire.socket.settimeout(None)
        self.wires.append(wire)
        return wire

    def close_listener(self):
        """From now on connections to us are refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self):
        self.close_listener()
        for wire in self.wires:
            wire.close()
