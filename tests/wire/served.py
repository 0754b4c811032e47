"""A gateway with its pages and its worker, `manage.py runserver`, and clients of what it serves over HTTP.

The WebSocket client is written from RFC 6455: it is nothing of the product's own, and no more than tests need.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.cookiejar
import json
import secrets
import socket
import struct
import threading
import urllib.error
import urllib.parse
import urllib.request

from tests.wire.inbox import Inbox
from tests.wire.running import HOST, Running

PASSWORD = "a-password-of-the-test"


class Served(Running):
    """Everything in one go, as `make run` has it; `admin` has PASSWORD."""

    command = ("runserver", "--noreload")

    def __init__(self, **environment):
        super().__init__(PARLEY_ADMIN_PASSWORD=PASSWORD, **environment)

    @property
    def port(self):
        """Of HTTP."""
        return int(self.address.rpartition(":")[2])


class Visitor:
    """Somebody with a browser's cookies and, for REST, a token."""

    def __init__(self, gateway, name="admin", password=PASSWORD):
        self.gateway = gateway
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self.post("/login/", username=name, password=password)
        assert self.cookie("sessionid"), f"{name} was not let in"
        status, answer = self.ask("POST", "/api/v1/token/", {"username": name, "password": password}, token=False)
        assert status == 200, answer
        self.token = answer["token"]

    def cookie(self, name):
        """The value of a cookie, None without it."""
        return next((each.value for each in self._jar if each.name == name), None)

    def get(self, path):
        """The text of a page."""
        with self._opener.open(self.gateway.address + path, timeout=10) as answer:
            return answer.read().decode()

    def post(self, path, **form):
        """Fill in a form; the text of the page that it leads to."""
        if self.cookie("csrftoken") is None:
            self.get(path)
        data = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": self.cookie("csrftoken")}).encode()
        request = urllib.request.Request(self.gateway.address + path, data, {"Referer": self.gateway.address + path})
        with self._opener.open(request, timeout=10) as answer:
            return answer.read().decode()

    def ask(self, method, path, document=None, *, token=True):
        """A request of a program's, by token and without cookies: status and JSON."""
        headers = {"Authorization": f"Token {self.token}"} if token else {}
        data = None
        if document is not None:
            data, headers["Content-Type"] = json.dumps(document).encode(), "application/json"
        request = urllib.request.Request(self.gateway.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def socket(self, path):
        """A WebSocket of a page."""
        return WebSocket(self.gateway, path, cookie=f"sessionid={self.cookie('sessionid')}")

    def events(self, query=""):
        """The stream of server-sent events."""
        return EventStream(self.gateway, query, self.token)


class WebSocket:
    """Text messages that come are in `inbox`; the connection is open when this is made."""

    def __init__(self, gateway, path, *, cookie=""):
        self.inbox = Inbox(path)
        self._socket = socket.create_connection((HOST, gateway.port), timeout=10)
        self._read = self._socket.makefile("rb")
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {HOST}:{gateway.port}",
            f"Origin: {gateway.address}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
            *([f"Cookie: {cookie}"] if cookie else []),
        ]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.status = int(self._read.readline().split()[1])
        while self._read.readline().strip():
            pass
        if self.status == 101:
            self._socket.settimeout(None)
            threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        with contextlib.suppress(OSError, ValueError, struct.error):
            while True:
                first, second = self._read.read(2)
                size = second & 0x7F
                if size >= 126:
                    size = int.from_bytes(self._read.read(2 if size == 126 else 8), "big")
                payload = self._read.read(size)
                if first & 0x0F == 1:
                    self.inbox.put(payload.decode())
                elif first & 0x0F == 8:
                    return

    def take(self, wanted, within, what):
        """The first text that `wanted` likes."""
        return self.inbox.take(wanted, within, what)

    def close(self):
        self._socket.close()


class EventStream:
    """Server-sent events, each a dictionary of its fields."""

    def __init__(self, gateway, query, token):
        self.inbox = Inbox("events")
        self._connection = http.client.HTTPConnection(HOST, gateway.port, timeout=20)
        self._connection.request("GET", f"/api/v1/events/{query}", headers={"Authorization": f"Token {token}"})
        self._answer = self._connection.getresponse()
        self.status, self.kind = self._answer.status, self._answer.headers["Content-Type"]
        assert self._answer.readline() == b"retry: 3000\n"
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        fields = {}
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self._answer.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif fields:
                    self.inbox.put(fields)
                    fields = {}

    def close(self):
        with contextlib.suppress(OSError, AttributeError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


class Told:
    """Events by either way, as dictionaries."""

    def __init__(self, visitor, way, query=""):
        self._way = way
        self._stream = visitor.socket(f"/ws/events/{query}") if way == "websocket" else visitor.events(query)
        assert self._stream.status == (101 if way == "websocket" else 200)

    def next(self, name, within=10.0, **wanted):
        """The next event of this name in which `wanted` are so."""

        def likes(item):
            event = self._event(item)
            return event["event"] == name and all(event.get(key) == value for key, value in wanted.items())

        return self._event(self._stream.inbox.take(likes, within, f"{name} {wanted}"))

    def everything(self):
        """All that has come, in order."""
        return [self._event(item) for item in self._stream.inbox.everything()]

    def _event(self, item):
        if self._way == "websocket":
            return json.loads(item)
        event = json.loads(item["data"])
        assert item["event"] == event["event"]
        assert item.get("id") == event.get("id")
        return event

    def close(self):
        self._stream.close()
