"""A SIP user agent for tests over UDP, TCP or TLS: string templates and a socket, nothing of the product's own."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import socket
import threading
import time

from tests.wire.inbox import Inbox
from tests.wire.running import HOST
from tests.wire.tls import TlsSocket

_serial = itertools.count(1)


COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length"}


class SipMessage:
    """A received message, cut at its line ends."""

    def __init__(self, raw, back):
        self.raw = raw
        self.back = back
        """How its answer goes: an address for UDP, a connection for TCP."""
        self.at = time.monotonic()
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.start, *lines = head.decode().split("\r\n")
        pairs = [(name.strip().lower(), value.strip()) for name, _, value in (each.partition(":") for each in lines)]
        self.fields = [(COMPACT.get(name, name), value) for name, value in pairs]
        first, second, _ = self.start.split(" ", 2)
        self.status = int(second) if first == "SIP/2.0" else None
        self.method = None if self.status else first
        self.ruri = None if self.status else second
        self.reason = self.start.split(" ", 2)[2] if self.status else None

    def all(self, name):
        """Every value of a header field."""
        return [value for each, value in self.fields if each == name.lower()]

    def __getitem__(self, name):
        return self.all(name)[0]

    def __contains__(self, name):
        return bool(self.all(name))

    def __str__(self):
        return f"{self.start}  [{self['CSeq']}, {self['Call-ID'][:16]}]"

    @property
    def call_id(self):
        return self["Call-ID"]

    @property
    def cseq(self):
        """Number and method."""
        number, method = self["CSeq"].split()
        return int(number), method

    @property
    def branch(self):
        return parameter(self["Via"], "branch")

    @property
    def from_uri(self):
        return uri_of(self["From"])

    @property
    def to_uri(self):
        return uri_of(self["To"])

    @property
    def to_tag(self):
        return parameter(self["To"], "tag")

    @property
    def from_tag(self):
        return parameter(self["From"], "tag")

    @property
    def contact(self):
        return uri_of(self["Contact"])


def parameter(value, name):
    """A parameter after the `>` of a name-addr, or anywhere in a value without one; None where it is missing."""
    for each in value.rpartition(">")[2].split(";")[1:]:
        key, _, found = each.partition("=")
        if key.strip().lower() == name:
            return found.strip()
    return None


def uri_of(value):
    """The URI between `<` and `>`."""
    return value.partition("<")[2].partition(">")[0]


class Sent:
    """A request that a peer sent: what its answers are recognised by."""

    def __init__(self, raw, method, call_id, cseq, branch, from_tag):
        self.raw = raw
        self.method = method
        self.call_id = call_id
        self.cseq = cseq
        self.branch = branch
        self.from_tag = from_tag


class SipPeer:
    """One user agent at one gateway. `uri` is where it can be reached.

    Repeated requests go to `repeats`, not to the test. BYE and CANCEL are answered 200 at once, a test still sees them.
    """

    def __init__(self, name, gateway, transport="udp", *, tls=None):
        """`tls`: contexts for connections that come and that it makes."""
        self.gateway = gateway
        self._tls = tls
        self.transport = transport
        self.user = f"{name}-{next(_serial)}"
        self.inbox = Inbox(self.user)
        self.repeats = Inbox(f"{self.user}, repeats")
        self.packets = []
        """Everything sent and received: (time, from, to, bytes)."""
        self.answers_at_once = {"BYE", "CANCEL"}
        self._seen = set()
        self._connections = []
        self._out = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        self.socket.bind((HOST, 0))
        self.address = self.socket.getsockname()
        suffix = "" if transport == "udp" else f";transport={transport}"
        self.uri = f"sip:{self.user}@{HOST}:{self.address[1]}{suffix}"
        if transport == "udp":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self._thread(self._read_datagrams)
        else:
            self.socket.listen()
            self._thread(self._accept)

    def close(self):
        for each in [self.socket, *self._connections]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    # -- bytes ---------------------------------------------------------------------------------------------------

    def _thread(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _read_datagrams(self):
        while True:
            try:
                data, source = self.socket.recvfrom(65536)
            except OSError:
                return
            if not data:
                return
            self.packets.append((time.time(), source, self.address, data))
            self._received(data, source)

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self._adopt(connection)

    def _adopt(self, connection):
        if self.transport == "tls":
            try:
                connection = TlsSocket(connection, self._tls[0])
            except OSError as error:
                self.inbox.put(Closed(str(error)))
                return
        self._serve(connection)

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.append(connection)
        self._thread(self._read_stream, connection, connection.getsockname(), connection.getpeername())

    def _read_stream(self, connection, own, other):
        data = b""
        while True:
            while b"\r\n\r\n" in data:
                head, _, rest = data.partition(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                if len(rest) < length:
                    break
                size = len(head) + 4 + length
                whole, data = data[:size], data[size:]
                self.packets.append((time.time(), other, own, whole))
                self._received(whole, connection)
            try:
                more = connection.recv(65536)
            except OSError:
                return
            if not more:
                self.inbox.put(Closed())
                return
            data += more

    def _received(self, data, back):
        message = SipMessage(data, back)
        if message.method is not None:
            mark = (message.branch, message.method, message.call_id)
            if mark in self._seen:
                self.repeats.put(message)
            if message.method in self.answers_at_once:
                with contextlib.suppress(OSError):  # the test is over
                    self.respond(message, 200)
            if mark in self._seen:
                return
            self._seen.add(mark)
        self.inbox.put(message)

    def write(self, data, back=None):
        """Send bytes as they are: to `back`, else to the gateway."""
        if self.transport == "udp":
            to = back or self.gateway.sip
            self.socket.sendto(data, to)
            self.packets.append((time.time(), self.address, to, data))
            return
        connection = back or self._to_gateway()
        connection.sendall(data)
        self.packets.append((time.time(), connection.getsockname(), connection.getpeername(), data))

    def _to_gateway(self):
        if self._out is None:
            secure = self.transport == "tls"
            self._out = socket.create_connection(self.gateway.sips if secure else self.gateway.sip, timeout=5)
            self._out.settimeout(None)
            if secure:
                self._out = TlsSocket(self._out, self._tls[1], HOST)
            self._serve(self._out)
        return self._out

    def hang_up_stream(self):
        """Close the connection to the gateway that our requests went over."""
        self._out.shutdown(socket.SHUT_RDWR)
        self._out = None

    # -- requests ------------------------------------------------------------------------------------------------

    def compose(
        self,
        method,
        ruri,
        *,
        to=None,
        headers=(),
        body=b"",
        call_id=None,
        cseq=1,
        branch=None,
        from_tag=None,
        max_forwards=70,
    ):
        """A request to somebody behind the gateway, not sent yet. `headers` are whole lines."""
        call_id = call_id or secrets.token_hex(8)
        branch = branch or f"z9hG4bK{secrets.token_hex(8)}"
        from_tag = from_tag or secrets.token_hex(4)
        lines = [
            f"{method} {ruri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {HOST}:{self.address[1]};branch={branch};rport",
            f"Max-Forwards: {max_forwards}",
            f"From: <{self.uri}>;tag={from_tag}",
            f"To: {to or f'<{ruri}>'}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            *headers,
            f"Content-Length: {len(body)}",
        ]
        raw = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
        return Sent(raw, method, call_id, cseq, branch, from_tag)

    def request(self, method, ruri, **parts):
        """Send a request: see `compose`."""
        sent = self.compose(method, ruri, **parts)
        self.write(sent.raw)
        return sent

    def message(self, ruri, text="hello", *, content_type="text/plain", **parts):
        """Send a MESSAGE."""
        body = text.encode() if isinstance(text, str) else text
        headers = [f"Content-Type: {content_type}", *parts.pop("headers", ())]
        return self.request("MESSAGE", ruri, headers=headers, body=body, **parts)

    def respond(self, request, code, reason="Whatever", *, tag=None, headers=(), body=b""):
        """Answer a request of the gateway's. Without `tag` To stays as it is, or gets one of its own per request."""
        to = request["To"]
        if code > 100 and request.to_tag is None:
            to += f";tag={tag or 'peer-' + request.branch[-8:]}"
        lines = [
            f"SIP/2.0 {code} {reason}",
            *(f"Via: {each}" for each in request.all("Via")),
            f"From: {request['From']}",
            f"To: {to}",
            f"Call-ID: {request.call_id}",
            f"CSeq: {request['CSeq']}",
            *headers,
            f"Content-Length: {len(body)}",
        ]
        self.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body, request.back)

    # -- waiting -------------------------------------------------------------------------------------------------

    def expect(self, method, within=5.0, **fields):
        """The next request of this method, whose attributes are as `fields` say."""
        return self.inbox.take(
            lambda each: (
                isinstance(each, SipMessage)
                and each.method == method
                and all(getattr(each, name) == value for name, value in fields.items())
            ),
            within,
            f"{method} {fields or ''}",
        )

    def expect_repeat(self, method, within=5.0):
        """A request of this method that came before, to the letter or with the same branch."""
        return self.repeats.take(lambda each: each.method == method, within, f"repeated {method}")

    def answer_to(self, sent, within=5.0):
        """The next answer to a request of ours, provisional or final."""
        return self.inbox.take(lambda each: _answers(each, sent), within, f"answer to {sent.method} {sent.call_id}")

    def final_answer_to(self, sent, within=5.0):
        """Its final answer."""
        return self.inbox.take(
            lambda each: _answers(each, sent) and each.status >= 200,
            within,
            f"final answer to {sent.method} {sent.call_id}",
        )

    def has_received(self, method):
        """Requests of this method that came and were not expected yet; the gateway has said all it had to say."""
        self.fence()
        return self.inbox.having(lambda each: isinstance(each, SipMessage) and each.method == method)

    def has_answer(self, sent):
        """Whether an answer has come, after the gateway had every chance to send it."""
        self.fence()
        return bool(self.inbox.having(lambda each: _answers(each, sent)))

    def fence(self):
        """Ask something and wait for its answer: what was sent before it has been dealt with."""
        asked = self.request("OPTIONS", f"sip:{HOST}:{self.gateway.sip_port}")
        self.final_answer_to(asked)


class Closed:
    """The gateway closed a connection; `why` is what the TLS handshake said."""

    def __init__(self, why=""):
        self.why = why

    def __str__(self):
        return f"connection closed {self.why}".rstrip()


def _answers(each, sent):
    return (
        isinstance(each, SipMessage)
        and each.status is not None
        and each.call_id == sent.call_id
        and each.cseq == (sent.cseq, sent.method)
        and each.branch == sent.branch
    )
