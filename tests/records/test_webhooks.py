"""Webhooks: signed, tried again, given up, and never led elsewhere; against a real HTTP server."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.db import connection
from django.utils import timezone

from sessions_app import webhooks
from sessions_app.models import Webhook, WebhookDelivery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receiver():
    """An HTTP server that keeps what it gets and answers what it is told to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.got.append((dict(self.headers), body))
            self.send_response(server.answers.pop(0) if server.answers else 200)
            self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def webhook(receiver):
    return Webhook.objects.create(
        name="w", url=f"http://127.0.0.1:{receiver.server_port}/in", events=["setup_failed"], secret="s3cret"
    )


def enqueue(webhook, *names: str) -> None:
    found = [{"event": name, "id": f"id-{name}", "at": "", "node": "n"} for name in names]
    connection.ensure_connection()
    webhooks.enqueue(connection.connection, [(str(webhook.pk), frozenset(webhook.events))], found)


def test_only_what_was_asked_for_is_sent_and_the_signature_is_right(receiver, webhook):
    enqueue(webhook, "setup_failed", "session_started")
    assert webhooks.deliver_due() == 1
    ((headers, body),) = receiver.got
    at, mac = (part.partition("=")[2] for part in headers["Parley-Signature"].split(","))
    assert mac == hmac.new(b"s3cret", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert json.loads(body)["event"] == "setup_failed" == headers["Parley-Event"]
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status, delivery.attempts) == ("delivered", 200, 1)


def test_a_failure_is_tried_again_after_a_growing_pause_with_the_same_id(receiver, webhook):
    receiver.answers = [500, 503, 200]
    enqueue(webhook, "setup_failed")
    for expected in webhooks.PAUSES[:2]:
        before = timezone.now()
        assert webhooks.deliver_due() == 1
        delivery = WebhookDelivery.objects.get()
        assert delivery.state == "waiting"
        assert timedelta(seconds=expected - 1) < delivery.next_at - before < timedelta(seconds=expected + 30)
        assert webhooks.deliver_due() == 0, "not before its time"
        WebhookDelivery.objects.update(next_at=timezone.now())
    webhooks.deliver_due()
    assert WebhookDelivery.objects.get().state == "delivered"
    assert len({headers["Parley-Event-Id"] for headers, _ in receiver.got}) == 1


def test_it_is_given_up_at_last_and_at_once_where_the_receiver_is_gone_for_good(receiver, webhook):
    enqueue(webhook, "setup_failed")
    WebhookDelivery.objects.update(attempts=len(webhooks.PAUSES))
    receiver.answers = [500]
    webhooks.deliver_due()
    assert WebhookDelivery.objects.get().state == "given_up"
    WebhookDelivery.objects.all().delete()
    enqueue(webhook, "setup_failed")
    receiver.answers = [410]
    webhooks.deliver_due()
    assert WebhookDelivery.objects.get().state == "given_up"


def test_a_redirect_is_not_followed(receiver, webhook):
    receiver.answers = [302]
    enqueue(webhook, "setup_failed")
    webhooks.deliver_due()
    assert len(receiver.got) == 1
    assert WebhookDelivery.objects.get().status == 302


def test_nobody_there_is_a_failure_with_a_cause(webhook, receiver):
    receiver.shutdown()
    receiver.server_close()
    enqueue(webhook, "setup_failed")
    webhooks.deliver_due()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status) == ("waiting", None)
    assert "refused" in delivery.detail


def test_the_test_button_sends_one_at_once(admin_client, receiver, webhook):
    address = f"/admin/sessions_app/webhook/{webhook.pk}/send-test/"
    admin_client.get(address)
    assert not receiver.got, "a link alone sends nothing"
    answer = admin_client.post(address, follow=True)
    assert "200 OK" in answer.content.decode()
    assert json.loads(receiver.got[0][1])["event"] == "test"
    assert not WebhookDelivery.objects.exists()


def test_the_admin_page_takes_events_by_ticks(admin_client):
    answer = admin_client.post(
        "/admin/sessions_app/webhook/add/",
        {
            "name": "x",
            "url": "https://example.com/x",
            "events": ["message_failed", "setup_failed"],
            "enabled": "on",
            "secret": "abc",
            "deliveries-TOTAL_FORMS": 0,
            "deliveries-INITIAL_FORMS": 0,
        },
    )
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    assert Webhook.objects.get().events == ["message_failed", "setup_failed"]
