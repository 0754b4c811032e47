"""Requests that nobody would think of, made from the OpenAPI document: every answer is one that it promises."""

from __future__ import annotations

import pytest
import schemathesis
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from rest_framework.authtoken.models import Token
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode

from sessions_app.models import Peer, Route
from tests.rows import administrator, ago, make_event, make_failure, make_message, make_node, make_session, reader

pytestmark = pytest.mark.django_db(transaction=True)
load_all_checks()

EXAMPLES = 20


@pytest.fixture
def token():
    """Of somebody who may do everything."""
    user = administrator()
    user.user_permissions.set(reader().user_permissions.all())
    make_node(heartbeat_at=ago(hours=-1))  # lives as long as the test takes
    session = make_session()
    make_event(session)
    make_message(session, state="failed", body=b"x")
    make_failure(session)
    Peer.objects.create(name="p", network="192.0.2.0/24")
    Route.objects.create(name="r", method="MESSAGE", action="msg_to_msrp")
    return Token.objects.create(user=user).key


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"])
def test_every_answer_is_one_that_the_document_promises(token, monkeypatch, mode):
    cache.clear()
    monkeypatch.setattr("rest_framework.throttling.SimpleRateThrottle.allow_request", lambda *_: True)
    monkeypatch.setattr("sessions_app.commands.wait", lambda command, seconds: False)
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application())
    # The stream of events does not end, which this transport cannot do; tests/wire/test_events.py reads it.
    schema = schema.exclude(path="/api/v1/events/")
    faults: list[str] = []
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:
        try:
            _ask(operation, mode, {} if operation.path.endswith("/token/") else {"Authorization": f"Token {token}"})
        except Unsatisfiable:
            continue  # nothing about it can be wrong
        except (Exception, BaseExceptionGroup) as fault:
            faults.append(f"{operation.label}: {fault!r} {getattr(fault, 'exceptions', '')}")
    assert faults == [], "\n\n".join(faults)


def _ask(operation, mode, headers) -> None:
    quick = settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
    )

    @quick
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(headers=headers)

    ask()
