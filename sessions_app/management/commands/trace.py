"""`manage.py trace KEY`: the ladder of a session line by line, on and on with --follow; or its frames as a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from sessions_app import commands
from sessions_app.ladder import capture_file, text
from sessions_app.ladder.session import of_session
from sessions_app.management.commands.session import find

LOOK = 0.5
"""Seconds between two looks."""


class Command(BaseCommand):
    help = "Draw the ladder of the session with this id or key, or the newest that a part of its names finds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--follow", action="store_true", help="capture its frames and go on until it ends")
        parser.add_argument("--seconds", type=int, default=600, help="how long to capture with --follow")
        parser.add_argument("--pcap", type=Path, help="write its frames to this file, bodies masked")

    def handle(self, *args: Any, **options: Any) -> None:
        session = find(options["key"])
        if options["pcap"]:
            frames = session.frames.all()
            options["pcap"].write_bytes(capture_file.of_frames(frames.iterator(), bodies=False))
            self.stdout.write(f"{options['pcap']}: {frames.count()} frames")
            return
        ladder = of_session(session)
        self.stdout.write(ladder.text())
        if not options["follow"] or not session.is_live:
            return
        commands.capture(session, "trace", options["seconds"])
        until = time.monotonic() + options["seconds"]
        shown = {(step.at, step.label, step.frame) for step in ladder.steps}
        while time.monotonic() < until:
            live = session.is_live
            time.sleep(LOOK)
            session.refresh_from_db()
            fresh = [step for step in of_session(session).steps if (step.at, step.label, step.frame) not in shown]
            shown.update((step.at, step.label, step.frame) for step in fresh)
            for line in text.lines(fresh):
                self.stdout.write(line)
            self.stdout.flush()
            if not live:
                return
