"""The playground: a phone and an MSRP client on loopback, run for a page over its WebSocket, with the ladder below.

Both are real user agents (:mod:`sessions_app.talk`) that talk through the real gateway; what the page gets is pieces of
HTML that htmx puts in their places.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Any, Final

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.template.loader import render_to_string

from protocols.sip.errors import SipError
from sessions_app import commands, json_text
from sessions_app.conf import gateway_config
from sessions_app.live import listening
from sessions_app.models import GatewaySession
from sessions_app.pages import ladder
from sessions_app.talk import Chat, Phone, Talker

logger = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
LONGEST: Final = 1000
"""Characters of a line."""
MOST: Final = 20
"""Playgrounds open at once."""
CAPTURED: Final = 600
"""Seconds that the frames of a playground's session are stored."""


def is_open() -> bool:
    """Whether the settings allow it."""
    wish = gateway_config().playground
    return wish == "yes" or (wish == "auto" and settings.DEBUG)


def may_play(user: Any) -> bool:
    """Staff who may see sessions and their frames."""
    return bool(user and user.is_authenticated and user.is_staff and user.has_perms(ladder.MAY_LOOK))


class Playground(AsyncWebsocketConsumer):
    """One page: two user agents that live as long as it is open."""

    running = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._agents: dict[str, Talker] = {}
        self._task: asyncio.Task[None] | None = None
        self._counted = False
        self._session: Any = None
        self._sending: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """Open both; refuse whoever may not."""
        if (
            not is_open()
            or Playground.running >= MOST
            or not await database_sync_to_async(may_play)(self.scope["user"])
        ):
            await self.close(4403)
            return
        Playground.running += 1
        self._counted = True
        await self.accept()
        target = next((each for each in settings.SIP_LISTEN if each.transport == "udp"), settings.SIP_LISTEN[0])
        gateway = (HOST if target.host in ("0.0.0.0", "::") else target.host, target.port)  # noqa: S104 - compared
        phone, chat = f"sip:alice@{HOST}:{_free_port()}", f"sip:bob@{HOST}:{_free_port()}"
        self._agents = {
            "phone": Phone(phone, chat, gateway, lambda line: self._said("phone", line)),
            "chat": Chat(chat, phone, gateway, lambda line: self._said("chat", line)),
        }
        try:
            for agent in self._agents.values():
                await agent.open()
        except (OSError, SipError) as error:
            await self.send(text_data=_line("phone", f"  cannot listen: {error}"))
            return
        await self.send(
            text_data=render_to_string("sessions_app/_playground_names.html", {"phone": phone, "chat": chat})
        )
        self._task = asyncio.get_running_loop().create_task(self._watch(phone, chat))

    async def disconnect(self, code: int) -> None:
        """Close both."""
        if self._counted:
            Playground.running -= 1
        if self._task is not None:
            self._task.cancel()
        for agent in self._agents.values():
            agent.close()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A line that somebody typed: ``side`` and ``line``."""
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            typed = json_text.read(text_data or "")
            agent = self._agents.get(typed.get("side"))
            line = str(typed.get("line", "")).strip()[:LONGEST]
            if agent is not None and line:
                self._said(typed["side"], f"> {line}")
                agent.type(line)

    def _said(self, side: str, line: str) -> None:
        task = asyncio.get_running_loop().create_task(self.send(text_data=_line(side, line)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _watch(self, phone: str, chat: str) -> None:
        """Draw the ladder again whenever something is new of the session between the two."""
        with listening() as listener:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listener.get(), 1.0)
                await asyncio.sleep(0.2)
                while listener.waiting:
                    await listener.get()
                drawn = await self._draw(phone, chat)
                if drawn:
                    await self.send(text_data=drawn)

    @database_sync_to_async
    def _draw(self, phone: str, chat: str) -> str:
        sides = [phone, chat]
        sessions = GatewaySession.objects.defer("dialog").filter(from_uri__in=sides, to_uri__in=sides)
        session = sessions.order_by("-created_at").first()
        if session is None:
            return ""
        if session.pk != self._session:
            self._session = session.pk
            if session.is_live:
                commands.capture(session, self.scope["user"].get_username(), CAPTURED)
        return render_to_string("sessions_app/_ladder_now.html", {**ladder.context(session), "oob": True})


def _line(side: str, line: str) -> str:
    kind = {">": "mine", "<": "theirs"}.get(line[:1], "about")
    text = line[2:] if kind != "about" else line.strip()
    if kind == "theirs":
        text = text.partition(": ")[2]
    return render_to_string("sessions_app/_playground_line.html", {"side": side, "kind": kind, "line": text})


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
