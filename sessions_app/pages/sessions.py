"""The list of sessions, one session, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST
from django.views.generic import DetailView

from sessions_app import audit, commands
from sessions_app.api.serializers import SessionSerializer
from sessions_app.filters import SessionFilter
from sessions_app.models import GatewaySession
from sessions_app.pages import ladder
from sessions_app.pages.lists import Export, FilteredList, MayLook

SHOWN: Final = 50
"""Messages and events of a session that its page shows; all of them are in the list of messages and the API."""

SESSIONS: Final = GatewaySession.objects.defer("dialog")
MAY_LOOK: Final = "sessions_app.view_gatewaysession"


class SessionList(FilteredList):
    """Sessions, newest first."""

    queryset = SESSIONS
    filterset_class = SessionFilter
    permission_required = MAY_LOOK
    template_name = "sessions_app/session_list.html"
    rows_name = "sessions"
    export = "session-export"
    extra_context = {"nav": "sessions"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Where the gateway listens, for the page that has nothing else to show."""
        return super().get_context_data(sip_listen=settings.SIP_LISTEN, example=_example(), **kwargs)


def _example() -> str:
    """A MESSAGE that bash alone can send; empty where no listener takes UDP."""
    address = next((listen for listen in settings.SIP_LISTEN if listen.transport == "udp"), None)
    if address is None:
        return ""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - compared
    return (
        f"cat > /dev/udp/{host}/{address.port} <<< $'MESSAGE sip:bob@127.0.0.1:5070 SIP/2.0\\r\\n"
        "Via: SIP/2.0/UDP 127.0.0.1:5099;branch=z9hG4bK'$RANDOM$'\\r\\nMax-Forwards: 70\\r\\n"
        "From: <sip:alice@example.com>;tag=1\\r\\nTo: <sip:bob@example.com>\\r\\nCall-ID: '$RANDOM$'\\r\\n"
        "CSeq: 1 MESSAGE\\r\\nContent-Type: text/plain\\r\\nContent-Length: 5\\r\\n\\r\\nHello'"
    )


class SessionExport(Export):
    """What the list shows, as a file."""

    queryset = SESSIONS
    filterset_class = SessionFilter
    permission_required = MAY_LOOK
    columns = SessionSerializer.Meta.fields
    name = "sessions"


class SessionDetail(MayLook, DetailView):
    """One session: its sides, what happened to it, its messages."""

    queryset = SESSIONS
    permission_required = MAY_LOOK
    template_name = "sessions_app/session_detail.html"
    context_object_name = "session"
    extra_context = {"nav": "sessions"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What a live page gets again and again, a ladder of another time where one was asked for, and its end."""
        session = self.object
        context = super().get_context_data(**kwargs)
        context.update(parts(session, self.request.user.has_perm))
        context.update(ladder.context(session, self.request.GET.get("before", "")))
        context["ending"] = session.is_live and session.commands.filter(verb="end_session", done_at=None).exists()
        return context


def parts(session: GatewaySession, may: Callable[[str], bool]) -> dict[str, Any]:
    """The newest messages, the first events, and the failures, as far as the user may see them."""
    first = list(session.events.all()[: SHOWN + 1])
    context = {"events": first[:SHOWN], "more_events": len(first) > SHOWN, "shown": SHOWN}
    if may("sessions_app.view_messagerecord"):
        newest = list(session.messages.defer("body")[: SHOWN + 1])
        context["message_records"], context["more_messages"] = newest[:SHOWN], len(newest) > SHOWN
    if may("sessions_app.view_setupfailure"):
        context["failures"] = list(session.setup_failures.all()[:SHOWN])
    return context


@login_required
@permission_required("sessions_app.change_gatewaysession", raise_exception=True)
@require_POST
def end_session(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask the session's process to end it, and say so on the session's page."""
    session = get_object_or_404(GatewaySession, pk=pk)
    if session.is_live:
        commands.end_session(session, by=request.user.get_username())
        audit.record(request, audit.Action.END_SESSION, session.pk, session.key)
        messages.success(request, f"{session.node} has been asked to end this session.")
    else:
        messages.info(request, "This session had ended already.")
    return redirect("session-detail", pk=session.pk)
