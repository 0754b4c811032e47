"""docs/asgi.md, kept: SIP and MSRP as ASGI, on real sockets against the echo application."""

from __future__ import annotations

import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 10.0


def free_port() -> int:
    """A port that is free for both UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Echo:
    """The echo server as a process, and what it tells."""

    def __init__(self, *flags: str, sip: int | None = None) -> None:
        self.sip, self.msrp, self.http = sip or free_port(), free_port(), free_port()
        self.farewell = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.farewell.bind(("127.0.0.1", 0))
        self.farewell.settimeout(DEADLINE)
        ports = (self.sip, self.msrp, self.http, self.farewell.getsockname()[1])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.echo", *map(str, ports), *flags],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.history: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            self.history.append(told)
            self._told.put(told)

    def expect(self, what: str) -> dict[str, Any]:
        """The next thing of this kind that it tells."""
        while True:
            told = self._told.get(timeout=DEADLINE)
            if told["what"] == what:
                return told

    def udp(self) -> socket.socket:
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.settimeout(DEADLINE)
        peer.connect(("127.0.0.1", self.sip))
        return peer

    def tcp(self, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=DEADLINE)
        self._reader.join(timeout=DEADLINE)
        return code


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    server.expect("ready")
    yield server
    server.stop()
    server.farewell.close()


def test_the_application_is_told_of_start_listening_and_stop_in_this_order():
    server = Echo()
    server.expect("ready")
    assert server.stop() == 0
    order = [
        told["what"] for told in server.history if told["what"].startswith("lifespan") or told["what"] == "drained"
    ]
    assert order == ["lifespan.startup", "lifespan.listening", "lifespan.shutdown", "drained"]
    assert server.history[0]["extensions"] == ["dial", "listening", "tls"]


def test_sockets_are_open_until_the_application_has_drained():
    server = Echo()
    server.expect("ready")
    server.process.send_signal(signal.SIGTERM)
    assert server.farewell.recv(100) == b"goodbye"
    server.stop()


def test_a_start_that_the_application_refuses_ends_with_its_message():
    server = Echo("--refuse")
    assert server.expect("failure")["text"] == "the moon is wrong"
    server.stop()


def test_msrp_is_open_before_anything_is_answered_over_sip():
    """INVITEs wait in the socket while the application starts, and who is answered connects at once."""
    server = Echo("--reach")
    assert server.expect("msrp")["reached"]
    server.stop()


def test_a_port_in_use_names_the_setting_before_anything_starts():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        server = Echo(sip=port)
        text = server.expect("failure")["text"]
        assert text.startswith(f"SIP_LISTEN: cannot listen on udp:127.0.0.1:{port}")
        server.stop()


def test_a_udp_socket_is_one_instance_for_all_its_peers(echo):
    first, second = echo.udp(), echo.udp()
    for peer, data in ((first, b"one"), (second, b"two")):
        peer.send(data)
        assert peer.recv(100) == data
    echo.stop()
    assert [told["transport"] for told in echo.history if told["what"] == "scope"] == ["udp"]


def test_the_scope_says_who_and_where(echo):
    peer = echo.tcp(echo.msrp)
    while (scope := echo.expect("scope"))["type"] != "msrp":
        pass
    assert scope["transport"] == "tcp"
    assert scope["server"] == ["127.0.0.1", echo.msrp]
    assert scope["client"] == list(peer.getsockname())
    assert scope["token"] is None
    assert scope["greeting"] == "hello"  # the lifespan application's state


def test_datagrams_come_in_bounded_batches(echo):
    peer = echo.udp()
    echo.process.send_signal(signal.SIGSTOP)  # so that they gather in the socket
    for number in range(150):
        peer.send(b"%03d" % number)
    echo.process.send_signal(signal.SIGCONT)
    assert sorted(peer.recv(100) for _ in range(150)) == [b"%03d" % number for number in range(150)]
    seen = 0
    while seen < 150:
        number = echo.expect("datagrams")["number"]
        assert number <= 64
        seen += number


def test_a_stream_comes_as_it_came_and_goes_as_it_was_sent(echo):
    for port in (echo.sip, echo.msrp):
        peer = echo.tcp(port)
        peer.sendall(b"any octets \x00\xff")
        assert peer.recv(100) == b"any octets \x00\xff"


def test_close_comes_after_what_was_sent_before(echo):
    peer = echo.tcp(echo.msrp)
    peer.sendall(b"close\r\n")
    assert peer.recv(100) == b"last words"
    assert peer.recv(100) == b""
    assert echo.expect("disconnect")["reason"] == "closed here"


def test_the_peers_close_is_the_last_event(echo):
    peer = echo.tcp(echo.sip)
    peer.close()
    assert echo.expect("disconnect") == {"what": "disconnect", "kind": "sip", "reason": "closed by peer"}


def test_an_application_that_fails_loses_its_connection_and_no_other(echo):
    doomed, other = echo.tcp(echo.msrp), echo.tcp(echo.msrp)
    doomed.sendall(b"crash\r\n")
    assert doomed.recv(100) == b""
    other.sendall(b"still here")
    assert other.recv(100) == b"still here"


def test_a_peer_that_does_not_read_is_told_by_writable(echo):
    peer = echo.tcp(echo.msrp)
    peer.sendall(b"flood\r\n")
    assert echo.expect("writable")["writable"] is False
    left = 512 * 65536
    while left:
        left -= len(peer.recv(1 << 20))
    assert echo.expect("writable")["writable"] is True


def test_an_opened_connection_is_an_instance_with_the_token(echo):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        peer = echo.udp()
        peer.send(b"dial %d" % listener.getsockname()[1])
        assert peer.recv(100) == b"connected"
        called, _ = listener.accept()
        called.settimeout(DEADLINE)
        assert called.recv(100) == b"I called you"
        called.close()


def test_a_connection_that_is_refused_is_an_os_error(echo):
    peer = echo.udp()
    peer.send(b"dial %d" % free_port())
    assert peer.recv(100) == b"ConnectionRefusedError"
