"""What the commands for operators have in common: rows as a table for people or as JSON for programs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.http import QueryDict

from sessions_app.filters import Sorted


class Listing(BaseCommand):
    """A command that prints rows; ``--json`` prints them as a JSON array."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Every command of this kind has these."""
        parser.add_argument("--json", action="store_true", help="JSON instead of a table")

    def show(self, rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
        """Print them; a table shows ``columns`` only and cuts what the terminal is too narrow for."""
        if as_json:
            self.stdout.write(json.dumps(list(rows), cls=DjangoJSONEncoder, indent=2))
            return
        if not rows:
            self.stdout.write("None.")
            return
        cells = [[_text(row.get(name)) for name in columns] for row in rows]
        widths = [max(len(name), *(len(line[place]) for line in cells)) for place, name in enumerate(columns)]
        wide = shutil.get_terminal_size((200, 24)).columns
        for line in [[name.upper() for name in columns], *cells]:
            text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write(text.rstrip()[:wide] if self.stdout.isatty() else text.rstrip())

    def document(self, document: Any, *, as_json: bool, text: str) -> None:
        """One thing, either way."""
        self.stdout.write(json.dumps(document, cls=DjangoJSONEncoder, indent=2) if as_json else text)


def narrowed(filterset: type[Sorted], queryset: Any, asked: dict[str, Any], limit: int) -> list[Any]:
    """The rows that the pages' filters find. Raises CommandError for a filter that is none."""
    query = QueryDict(mutable=True)
    for name, value in asked.items():
        if value not in (None, "", []):
            query[name] = str(value)
    found = filterset(query, queryset=queryset)
    if not found.is_valid():
        faults = "; ".join(f"{name}: {' '.join(map(str, words))}" for name, words in found.errors.items())
        raise CommandError(faults)
    return list(found.qs.order_by(*found.order())[:limit])


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)
