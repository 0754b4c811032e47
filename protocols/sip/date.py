"""The Date header: RFC 1123 dates in GMT and nothing else (RFC 3261 s20.17)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_sip_date = re.compile(
    rf"(?:{'|'.join(_DAYS)}), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT\Z",
    re.IGNORECASE | re.ASCII,
).match


def parse_date(text: str) -> datetime | None:
    """An aware time in UTC, or None for anything that is no SIP date (RFC 4475 s3.1.2.12: other zones are not)."""
    found = _sip_date(text)
    if found is None:
        return None
    day, month, year, hour, minute, second = found.groups()
    try:
        # A leap second is shown as :60, which datetime does not know.
        return datetime(
            int(year),
            _MONTHS.index(month.title()) + 1,
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),
            tzinfo=UTC,
        )
    except ValueError:
        return None


def format_date(when: datetime) -> str:
    """An aware time as a SIP date; names are English whatever the locale."""
    utc = when.astimezone(UTC)
    return f"{_DAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc.year:04} {utc:%H:%M:%S} GMT"
