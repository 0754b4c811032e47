"""WebSockets: rows of the list of sessions as they change, the parts of a session's page, and the stream of events."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import QueryDict
from django.template.loader import render_to_string
from django.urls import path

from sessions_app import events, keyset, playground
from sessions_app.filters import SessionFilter
from sessions_app.live import listening
from sessions_app.models import GatewaySession
from sessions_app.pages import ladder, sessions

PACE: Final = 1.0
"""Seconds between two updates of a page."""
LATER: Final = 15.0
"""Seconds between two looks at a session of which nothing is heard."""
FORBIDDEN: Final = 4403
SIZE: Final = 50
MOST_NEW: Final = 99

NEEDED: Final = {
    "setup_failed": "sessions_app.view_setupfailure",
    "session_started": "sessions_app.view_gatewaysession",
    "session_ended": "sessions_app.view_gatewaysession",
    "message_delivered": "sessions_app.view_messagerecord",
    "message_failed": "sessions_app.view_messagerecord",
}
"""The permission that each event needs."""


@database_sync_to_async
def may_see(user: Any) -> frozenset[str]:
    """Events that a user may see."""
    if user is None or not user.is_authenticated:
        return frozenset()
    return frozenset(name for name, permission in NEEDED.items() if user.has_perm(permission))


class _Told(AsyncWebsocketConsumer):
    """Has a task that tells; ends it with the connection."""

    task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Only for those who may see it; nothing is told before that is known."""
        self.allowed = await may_see(self.scope.get("user"))
        if not self.allowed or not await self.may_open():
            await self.close(FORBIDDEN)
            return
        await self.accept()
        self.task = asyncio.get_running_loop().create_task(self.tell())

    async def may_open(self) -> bool:
        """Whether the user may see what this one tells of; ``allowed`` are the events that they may see."""
        return True

    async def disconnect(self, code: int) -> None:
        """Stop telling."""
        if self.task is not None:
            self.task.cancel()

    async def tell(self) -> None:
        """Until cancelled."""
        raise NotImplementedError


class SessionRows(_Told):
    """The rows that a page shows, sent again when they change; new sessions are counted, not pushed in.

    The address has the query of the page, so that the same rows are meant.
    """

    async def may_open(self) -> bool:
        """Whoever may see sessions."""
        return "session_started" in self.allowed

    async def tell(self) -> None:
        """Gather what changed for a second, then send it; live rows are looked at in any case, for their counters."""
        query = QueryDict(self.scope.get("query_string", b""))
        shown = await self._rows(query)
        state = {row.pk: self._look(row) for row in shown}
        newest = max((row.created_at for row in shown), default=None)
        with listening() as listener:
            while True:
                quiet = False
                try:
                    await asyncio.wait_for(listener.get(), timeout=5 * PACE)
                except TimeoutError:
                    quiet = True
                if not quiet:
                    await asyncio.sleep(PACE)
                    while True:  # whatever came meanwhile is in the next look
                        try:
                            await asyncio.wait_for(listener.get(), timeout=0.001)
                        except TimeoutError:
                            break
                html = await self._changes(state)
                if newest is not None and not query.get("cursor"):
                    html += await self._new(query, newest)
                if html:
                    await self.send(text_data=html)

    def _look(self, row: GatewaySession) -> tuple[Any, ...]:
        return (row.state, row.to_msrp, row.to_page, row.undelivered, row.end_reason)

    @database_sync_to_async
    def _rows(self, query: QueryDict) -> list[GatewaySession]:
        found = SessionFilter(query, queryset=GatewaySession.objects.defer("dialog"))
        rows = found.qs if found.is_valid() else GatewaySession.objects.defer("dialog")
        try:
            return keyset.page(rows, found.order(), query.get("cursor", ""), SIZE).rows
        except keyset.BadCursor:
            return []

    @database_sync_to_async
    def _changes(self, state: dict[Any, tuple[Any, ...]]) -> str:
        # A session that has ended changes no more, but for a last counter.
        rows = GatewaySession.objects.defer("dialog").filter(pk__in=state)
        html = []
        for row in rows:
            look = self._look(row)
            if look != state[row.pk]:
                state[row.pk] = look
                html.append(render_to_string("sessions_app/_session_row.html", {"session": row, "oob": True}))
        return "".join(html)

    @database_sync_to_async
    def _new(self, query: QueryDict, newest: Any) -> str:
        found = SessionFilter(query, queryset=GatewaySession.objects.order_by())
        rows = found.qs if found.is_valid() else GatewaySession.objects.order_by()
        number = rows.filter(created_at__gt=newest)[: MOST_NEW + 1].count()
        if not number:
            return ""
        address = f"/sessions/?{query.urlencode()}" if query else "/sessions/"
        return render_to_string("sessions_app/_fresh.html", {"number": number, "most": MOST_NEW, "address": address})


class SessionPage(_Told):
    """The parts of one session's page, each sent again when there is something new in it."""

    async def may_open(self) -> bool:
        """Whoever may see sessions; each part as far as its own permission goes."""
        return "session_started" in self.allowed

    async def tell(self) -> None:
        """Once for what happened since the page was made, then at each event of this session.

        What comes within a third of a second is one look; counters and frames are written after the event, so there
        is another look a second later, and one now and then.
        """
        session = self.scope["url_route"]["kwargs"]["pk"]
        soon = False
        # The page connects while its session lives, and has the means to end and to capture it by then.
        sent: dict[str, Any] = {"_session_end": True, "_session_capture": True}
        with listening() as listener:
            while True:
                html = await self._changes(session, sent)
                if html:
                    await self.send(text_data=html)
                soon = await self._something(listener, str(session), PACE if soon else LATER)

    async def _something(self, listener: Any, session: str, pause: float) -> bool:
        """Wait for an event of the session, at most for a pause; whether there was one."""
        deadline = asyncio.get_running_loop().time() + pause
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            try:
                event = await asyncio.wait_for(listener.get(), timeout=left)
            except TimeoutError:
                break
            if event.get("session") == session or event["event"] == "skipped":
                await asyncio.sleep(PACE / 3)
                while listener.waiting:
                    await listener.get()
                return True
        return False

    @database_sync_to_async
    def _changes(self, pk: Any, sent: dict[str, Any]) -> str:
        row = GatewaySession.objects.defer("dialog").filter(pk=pk).first()
        if row is None:
            return ""
        may = self.scope["user"].has_perm
        context = {"session": row, "oob": True, **sessions.parts(row, may)}
        looks: dict[str, Any] = {
            "_session_head": (row.state, row.end_reason),
            "_session_sides": (row.state, row.to_msrp, row.to_page, row.undelivered, row.peer_path),
            "_session_failures": [failure.pk for failure in context.get("failures", ())],
            "_session_events": [event.pk for event in context["events"]],
            "_session_messages": [
                (message.pk, message.state, message.confirmation) for message in context.get("message_records", ())
            ],
            "_session_end": row.is_live,
            "_session_capture": row.is_live,
        }
        if self.scope["user"].has_perms(ladder.MAY_LOOK):
            context.update(ladder.context(row))
            looks = {"_ladder_now": context["drawing"], **looks, "_ladder_pcap": context["ladder"].framed}
        html = [
            render_to_string(f"sessions_app/{part}.html", context)
            for part, look in looks.items()
            if sent.get(part) != look
        ]
        sent.update(looks)
        return "".join(html)


class EventStream(_Told):
    """Each event as a text message with a JSON object; ``?event=`` chooses, and may be repeated."""

    async def tell(self) -> None:
        """Those that the user may see."""
        asked = parse_qs(self.scope.get("query_string", b"").decode("latin-1")).get("event")
        wanted = self.allowed & frozenset(asked or events.NAMES)
        with listening() as listener:
            while True:
                event = await listener.get()
                if event["event"] in wanted or event["event"] == "skipped":
                    await self.send(text_data=json.dumps(event))


urlpatterns = [
    path("ws/playground/", playground.Playground.as_asgi()),
    path("ws/sessions/", SessionRows.as_asgi()),
    path("ws/sessions/<uuid:pk>/", SessionPage.as_asgi()),
    path("ws/events/", EventStream.as_asgi()),
]
