"""``manage.py talk``: one end of a conversation through the gateway, on the terminal."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from protocols.sip.errors import SipError
from sessions_app.talk import Chat, Phone, Talker


class Command(BaseCommand):
    """Reads lines to send, prints what comes."""

    help = "Talk through the gateway: 'talk phone' sends SIP MESSAGEs, 'talk chat' speaks MSRP. A line is a message."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, to whom, through which gateway."""
        parser.add_argument("as", choices=["phone", "chat"], help="phone: message side; chat: MSRP side")
        parser.add_argument("--me", help="own URI, whose host and port are listened on")
        parser.add_argument("--to", help="URI of the other end")
        parser.add_argument("--gateway", default="127.0.0.1:5060", help="the gateway's SIP address")

    def handle(self, *args: Any, **options: Any) -> None:
        """Until the input ends or Ctrl-C."""
        phone, chat = "sip:alice@127.0.0.1:5080", "sip:bob@127.0.0.1:5090"
        is_phone = options["as"] == "phone"
        me = options["me"] or (phone if is_phone else chat)
        to = options["to"] or (chat if is_phone else phone)
        host, _, port = options["gateway"].rpartition(":")
        if not host or not port.isdigit():
            raise CommandError(f"--gateway {options['gateway']!r}: write it as 127.0.0.1:5060")
        try:
            asyncio.run(self._talk(Phone if is_phone else Chat, me, to, (host, int(port))))
        except OSError as error:
            raise CommandError(f"--me {me}: {error.strerror or error}") from None
        except SipError as error:
            raise CommandError(f"--me {me}: {error.reason}") from None
        except KeyboardInterrupt:
            pass

    async def _talk(self, kind: type[Talker], me: str, to: str, gateway: tuple[str, int]) -> None:
        talker = kind(me, to, gateway, self._say)
        await talker.open()
        self._say(f"  You are {me}, talking to {to}. Type a line to send it; Ctrl-D ends.")
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            talker.advance()
            if text := line.decode("utf-8", "replace").rstrip("\r\n"):
                talker.type(text)
        await asyncio.sleep(0.5)  # answers to the last line

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
