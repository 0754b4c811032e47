"""The ASGI applications. `application` is the whole; `gateway` is what a gateway process shows: SIP, MSRP and probes.

Under `daphne gateway_project.asgi:application` only the pages are served: that server opens no SIP or MSRP listener.
"""

from __future__ import annotations

import os
from typing import Any

from gateway_project import reactor
from gateway_project.env import one_line_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
reactor.install()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - after the reactor
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import re_path  # noqa: E402

with one_line_errors():
    pages = get_asgi_application()

    from gateway_project import startup
    from sessions_app.pages import trouble

    startup.refuse_missing_database()
    trouble.prepare()

from sessions_app import sockets  # noqa: E402 - after Django is set up
from sessions_app.consumers import MsrpApplication, SipApplication, lifespan  # noqa: E402
from sessions_app.origins import OwnPages  # noqa: E402

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


async def no_such_socket(scope: Any, receive: Any, send: Any) -> None:
    """Refuses a WebSocket that no page of ours opens."""
    await receive()
    await send({"type": "websocket.close"})


async def probes(scope: Any, receive: Any, send: Any) -> None:
    """The pages, but for every path except the probes a 404: a gateway process is no web server."""
    if scope["path"] in PROBES:
        await pages(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Only /healthz, /readyz and /metrics here.\n"})


sip, msrp = SipApplication(), MsrpApplication()

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": OwnPages(AuthMiddlewareStack(URLRouter([*sockets.urlpatterns, re_path("", no_such_socket)]))),
        "sip": sip,
        "msrp": msrp,
        "lifespan": lifespan,
    }
)
gateway = ProtocolTypeRouter({"http": probes, "sip": sip, "msrp": msrp, "lifespan": lifespan})
