"""`manage.py session KEY`: one session with its steps and messages."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import CommandError, CommandParser

from sessions_app.api.serializers import MessageSerializer, SessionDetailSerializer
from sessions_app.ladder.session import of_session
from sessions_app.management.listing import Listing
from sessions_app.models import GatewaySession
from sessions_app.search import sessions_with
from sessions_app.templatetags.gateway import took


def find(text: str) -> GatewaySession:
    """The session with this id or key, else the newest that the text names. Raises CommandError."""
    sessions = GatewaySession.objects.order_by("-created_at", "-id")
    try:
        found = sessions.filter(pk=uuid.UUID(text)).first()
    except ValueError:
        found = sessions.filter(key=text).first() or sessions_with(sessions, text).first()
    if found is None:
        raise CommandError(f"No session is named by {text!r}.")
    return found


class Command(Listing):
    help = "Show the session with this id or key, or the newest that a part of its names finds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--ladder", action="store_true", help="draw what passed between the two sides")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        session = find(options["key"])
        if options["ladder"]:
            ladder = of_session(session)
            if options["json"]:
                steps = [step.document() for step in ladder.steps]
                document = {"session": str(session.pk), "framed": ladder.framed, "steps": steps}
                self.document(document, as_json=True, text="")
                return
            if not ladder.framed:
                self.stderr.write("No frames are on record: drawn from events and messages.")
            self.stdout.write(ladder.text())
            return
        messages = list(session.messages.defer("body").order_by("received_at", "id")[:1000])
        document = {**SessionDetailSerializer(session).data, "messages": MessageSerializer(messages, many=True).data}
        self.document(document, as_json=options["json"], text=self._text(session, messages))

    def _text(self, session: GatewaySession, messages: list[Any]) -> str:
        lines = [
            f"{session.from_uri} -> {session.to_uri}",
            f"  {session.get_state_display()}{': ' + session.end_reason if session.end_reason else ''}",
            f"  key {session.key}",
            f"  id {session.pk}, node {session.node}, route {session.route or '-'}, Call-ID {session.call_id or '-'}",
            f"  {session.to_msrp} to MSRP, {session.to_page} to the message side, {session.undelivered} undelivered",
            "",
        ]
        lines += [
            f"  {event.at:%Y-%m-%d %H:%M:%S.%f} {event.kind} {event.detail}".rstrip() for event in session.events.all()
        ]
        lines.append("")
        lines += [
            f"  {message.received_at:%H:%M:%S.%f} {'-> MSRP' if message.direction == 'to_msrp' else '<- MSRP'} "
            f"{message.get_state_display()} after {took(message)} {message.cause}".rstrip()
            for message in messages
        ]
        return "\n".join(lines)
