"""A WebSocket opens for a page of ours: of this scheme, host and port, however near the others are."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator

from sessions_app.origins import OwnPages


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    """What is behind the check."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


@async_to_sync
async def opens(origin: str | None, host: str = "127.0.0.1:8000", *more: tuple[str, str], scheme: str = "ws") -> bool:
    headers = [("host", host), *([("origin", origin)] if origin is not None else []), *more]
    socket = WebsocketCommunicator(
        OwnPages(accepting), "/ws/sessions/", [(name.encode(), value.encode()) for name, value in headers]
    )
    socket.scope |= {"scheme": scheme, "client": ("127.0.0.1", 40000)}
    opened, _ = await socket.connect()
    if opened:
        await socket.disconnect()
    return opened


def test_our_own_page_opens_one():
    assert opens("http://127.0.0.1:8000")
    assert opens("http://localhost:8000", "localhost:8000")
    assert opens("http://[::1]:8000", "[::1]:8000")
    assert opens("http://localhost", "localhost:80")
    assert opens("https://localhost", "localhost", scheme="wss")


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:9999",
        "http://127.0.0.1",
        "https://127.0.0.1:8000",
        "http://localhost:8000",
        "http://evil.example:8000",
        "http://127.0.0.1:8000.evil.example",
        "http://127.0.0.1:8000@evil.example",
        "http://evil.example/http://127.0.0.1:8000",
        "http://127.0.0.1:8000, http://evil.example",
        "null",
        "",
        "file://",
        "http://127.0.0.1:99999",
        "http://[::1",
        None,
    ],
)
def test_what_is_on_another_port_scheme_or_name_does_not(origin):
    assert not opens(origin)


def test_two_origins_are_none():
    assert not opens("http://127.0.0.1:8000", "127.0.0.1:8000", ("origin", "http://evil.example"))


def test_a_name_that_was_made_to_mean_this_machine_is_none_of_ours():
    assert not opens("http://evil.example:8000", "evil.example:8000")


def test_behind_a_proxy_the_scheme_is_what_it_says(settings):
    settings.ALLOWED_HOSTS = ["parley.example.com"]
    behind = ("x-forwarded-proto", "https")
    assert not opens("https://parley.example.com", "parley.example.com", behind)  # there is no proxy of ours
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert opens("https://parley.example.com", "parley.example.com", behind)
    assert not opens("http://parley.example.com", "parley.example.com", behind)


def test_a_trusted_origin_may_as_it_may_post_forms(settings):
    settings.ALLOWED_HOSTS = ["parley.example.com"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://parley.example.com:8443"]
    assert opens("https://parley.example.com:8443", "parley.example.com")
    assert not opens("https://parley.example.com:9443", "parley.example.com")


def test_every_socket_of_the_server_is_behind_this_check():
    from gateway_project.asgi import application, gateway

    assert isinstance(application.application_mapping["websocket"], OwnPages)
    assert "websocket" not in gateway.application_mapping
