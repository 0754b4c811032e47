"""Settings that contradict each other are refused at start, each with what to change."""

from __future__ import annotations

import ast
from inspect import getsource

import pytest
from django.core.checks import run_checks

from sessions_app import conf


def faults() -> list[str]:
    return [message.msg for message in run_checks() if (message.id or "").startswith("gateway.")]


def route(request) -> None:
    """A request route, for the settings of this test."""


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("GATEWAY_HASH_SIZE", 21, "GATEWAY_HASH_SIZE"),
        ("GATEWAY_HASH_SIZE", -1, "GATEWAY_HASH_SIZE"),
        ("GATEWAY_CLEANUP_INTERVAL", 0, "GATEWAY_CLEANUP_INTERVAL"),
        ("GATEWAY_SESSION_TIMEOUT", -1, "GATEWAY_SESSION_TIMEOUT"),
        ("GATEWAY_ANSWER_WAIT", 30.0, "GATEWAY_ANSWER_WAIT"),
        ("GATEWAY_QUEUE_LIMIT", 0, "GATEWAY_QUEUE_LIMIT"),
        ("GATEWAY_ROUTE", "nowhere.route", "GATEWAY_ROUTE"),
        ("GATEWAY_ROUTE", "tests.gateway.test_checks.__doc__", "GATEWAY_ROUTE"),
    ],
)
def test_a_setting_out_of_range_is_named(settings, name, value, named):
    setattr(settings, name, value)
    assert any(named in fault for fault in faults())


def test_session_timeout_shorter_than_message_timeout_is_refused(settings):
    settings.GATEWAY_SESSION_TIMEOUT, settings.GATEWAY_MESSAGE_TIMEOUT = 100, 200
    assert any("shorter than" in fault for fault in faults())


@pytest.mark.parametrize(("session", "message"), [(0, 200), (200, 0), (0, 0), (200, 200)])
def test_a_timeout_that_is_off_contradicts_nothing(settings, session, message):
    settings.GATEWAY_SESSION_TIMEOUT, settings.GATEWAY_MESSAGE_TIMEOUT = session, message
    assert faults() == []


def test_every_setting_says_what_it_means():
    (config,) = (each for each in ast.parse(getsource(conf)).body if isinstance(each, ast.ClassDef))
    silent = [
        field.target.id
        for field, below in zip(config.body, [*config.body[1:], None], strict=True)
        if isinstance(field, ast.AnnAssign) and not isinstance(below, ast.Expr)
    ]
    assert silent == []


def test_the_defaults_and_a_route_callable_pass(settings):
    assert faults() == []
    settings.GATEWAY_ROUTE = "tests.gateway.test_checks.route"
    assert faults() == []
