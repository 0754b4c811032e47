"""A webhook from a running gateway through Celery's worker to a real receiver: signed, tried again, on record."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.wire.inbox import Inbox
from tests.wire.test_events import after_failures

SECRET = "of-the-test"
TRIED_EVERY = 5
"""Seconds between two rounds of the worker."""


@pytest.fixture
def gateway(served_gateway):
    return served_gateway


class Receiver:
    """An HTTP server: requests are in `inbox`, `answers` are given in turn, then 204."""

    def __init__(self):
        self.inbox = Inbox("webhook receiver")
        self.answers = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.end_headers()
                receiver.inbox.put((dict(self.headers), body))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/in"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, within):
        return self.inbox.take(lambda _: True, within, "POST")

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver():
    with contextlib.closing(Receiver()) as made:
        yield made


@pytest.fixture
def webhook(gateway, receiver):
    identity = uuid.uuid4()
    gateway.execute(
        "INSERT INTO sessions_app_webhook (id, name, url, secret, events, enabled, created_at)"
        " VALUES (%s, %s, %s, %s, '{setup_failed}', true, now())",
        identity,
        str(identity),
        receiver.url,
        SECRET,
    )
    yield identity
    gateway.execute("DELETE FROM sessions_app_webhookdelivery WHERE webhook_id = %s", identity)
    gateway.execute("DELETE FROM sessions_app_webhook WHERE id = %s", identity)


def signed(headers, body):
    """Whether the signature is what the receiver makes of the secret."""
    at, mac = (part.partition("=")[2] for part in headers["Parley-Signature"].split(","))
    return hmac.compare_digest(mac, hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest())


def test_an_event_is_posted_by_the_worker_and_again_after_a_500(gateway, receiver, webhook, alice, bob):
    receiver.answers = [500]
    headers, body = after_failures(alice, bob, lambda: receiver.take(TRIED_EVERY + 3))
    event = json.loads(body)
    assert signed(headers, body)
    assert (event["event"], event["from_uri"], event["code"]) == ("setup_failed", alice.uri, 486)
    assert (headers["Parley-Event"], headers["Parley-Event-Id"]) == ("setup_failed", event["id"])
    which = "webhook_id = %s AND payload->>'id' = %s"
    (row,) = gateway.wait_for_rows(
        f"SELECT *, extract(epoch FROM next_at - created_at) AS pause FROM sessions_app_webhookdelivery"
        f" WHERE {which} AND attempts = 1",
        webhook,
        event["id"],
    )
    assert (row["state"], row["status"], row["detail"]) == ("waiting", 500, "500 Internal Server Error")
    assert row["pause"] > 10, "ten seconds after it was tried"
    assert row["finished_at"] is None

    gateway.execute(f"UPDATE sessions_app_webhookdelivery SET next_at = now() WHERE {which}", webhook, event["id"])

    again, same = receiver.inbox.take(
        lambda each: each[0]["Parley-Event-Id"] == event["id"], 2 * TRIED_EVERY + 3, "second try"
    )
    assert same == body
    assert signed(again, same)
    (row,) = gateway.wait_for_rows(
        f"SELECT * FROM sessions_app_webhookdelivery WHERE {which} AND state = 'delivered'", webhook, event["id"]
    )
    assert (row["attempts"], row["status"], row["finished_at"] is not None) == (2, 204, True)
    assert not signed({"Parley-Signature": again["Parley-Signature"]}, same + b" "), "of these octets alone"
