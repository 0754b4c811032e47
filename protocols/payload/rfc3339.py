"""The dates of CPIM, IMDN and isComposing: RFC 3339, as RFC 3862 s4.4 asks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from protocols.payload.errors import PayloadError

_date_time = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,30}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))?"
).fullmatch
_DAY_MINUTES: Final = 24 * 60


def parse_date_time(text: str) -> float | None:
    """Seconds since the epoch, or None for what is no date. A date without a zone is taken as UTC."""
    found = _date_time(text.strip(" \t"))
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = found.groups()
    offset = int(zone_hours) * 60 + int(zone_minutes) if sign else 0
    if offset >= _DAY_MINUTES:
        return None
    zone = timezone(timedelta(minutes=-offset if sign == "-" else offset))
    try:
        # A leap second is shown as :60, which datetime does not know.
        whole = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59), tzinfo=zone)
        return whole.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)
    except (ValueError, OverflowError):
        return None


def format_date_time(at: float) -> str:
    """``at``, seconds since the epoch, in UTC; with milliseconds where there are any.

    Raises PayloadError 400 for a time outside of the years 1 to 9999.
    """
    try:
        when = datetime.fromtimestamp(round(at, 3), UTC)
    except (ValueError, OverflowError, OSError):
        raise PayloadError(400, "Date out of range") from None
    return when.isoformat(timespec="milliseconds" if when.microsecond else "seconds").removesuffix("+00:00") + "Z"
