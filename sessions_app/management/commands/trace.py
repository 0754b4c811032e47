"""`manage.py trace KEY`: the ladder of a session line by line, on and on with --follow; or its frames as a file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from sessions_app import audit, commands
from sessions_app.ladder import capture_file, text
from sessions_app.ladder.session import of_session
from sessions_app.ladder.steps import Step
from sessions_app.management.commands.end import who
from sessions_app.management.commands.session import find

LOOK = 0.5
"""Seconds between two looks."""
AFTER = 2.0
"""Seconds after its end in which the last frames of a session come to the table."""


class Command(BaseCommand):
    help = "Draw the ladder of the session with this id or key, or the newest that a part of its names finds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--follow", action="store_true", help="capture its frames and go on until it ends")
        parser.add_argument("--seconds", type=int, default=600, help="how long to capture with --follow")
        parser.add_argument("--pcap", type=Path, help="write its frames to this file, bodies masked")
        parser.add_argument("--json", action="store_true", help="a JSON object for each step, one a line")

    def handle(self, *args: Any, **options: Any) -> None:
        session = find(options["key"])
        if options["pcap"]:
            self._write(session, options["pcap"])
            return
        ladder = of_session(session)
        if options["json"]:
            self._tell(ladder.steps, as_json=True)
        else:
            self.stdout.write(ladder.text())
            self.stdout.flush()
        if options["follow"] and session.is_live:
            shown = {(step.at, step.label, step.frame) for step in ladder.steps}
            self._follow(session, shown, options["seconds"], as_json=options["json"])

    def _write(self, session: Any, file: Path) -> None:
        number = session.frames.count()
        with file.open("wb") as out:
            out.writelines(capture_file.of_frames(session.frames, number, bodies=False))
        audit.write(who(), audit.Action.EXPORT, session.pk, f"pcap of {number} frames")
        self.stdout.write(f"{file}: {number} frames")

    def _follow(self, session: Any, shown: set[Any], seconds: int, *, as_json: bool) -> None:
        commands.capture(session, who(), seconds)
        audit.write(who(), audit.Action.CAPTURE, session.pk, session.key)
        until = time.monotonic() + seconds
        ending = False
        while time.monotonic() < until:
            time.sleep(LOOK)
            session.refresh_from_db()
            fresh = [step for step in of_session(session).steps if (step.at, step.label, step.frame) not in shown]
            shown.update((step.at, step.label, step.frame) for step in fresh)
            self._tell(fresh, as_json=as_json)
            if not session.is_live and not ending:
                ending, until = True, min(until, time.monotonic() + AFTER)

    def _tell(self, steps: Iterable[Step], *, as_json: bool) -> None:
        if as_json:
            for step in steps:
                self.stdout.write(json.dumps(step.document(), cls=DjangoJSONEncoder))
        else:
            for line in text.lines(steps):
                self.stdout.write(line)
        self.stdout.flush()
