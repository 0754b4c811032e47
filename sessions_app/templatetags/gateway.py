"""How the pages write times and states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

NOTHING = "\N{EN DASH}"
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def span(length: timedelta) -> str:
    """A length of time in its two largest units: 3 h 20 min."""
    rest = int(length.total_seconds())
    if rest < 1:
        return "0 s" if rest == 0 else f"-{span(-length)}"
    parts = []
    for size, name in _UNITS:
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number} {name}")
        elif parts:
            break
    return " ".join(parts[:2])


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """How long ago, with the exact time in UTC on hover and for machines."""
    if moment is None:
        return NOTHING
    passed = timezone.now() - moment
    text = "just now" if abs(passed) < timedelta(seconds=1) else f"{span(passed)} ago"
    return _time(moment, text)


EXPIRES_SOON = timedelta(days=30)
"""Before the end of a certificate: time enough to get another."""


@register.inclusion_tag("sessions_app/certificate.html")
def certificate(expires: datetime | None) -> dict[str, object]:
    """The end of a certificate's validity, and whether somebody has to do something about it."""
    if expires is None:
        return {"text": NOTHING}
    left = expires - timezone.now()
    if left < timedelta(0):
        return {"level": "failed", "text": "expired", "moment": _time(expires, f"{span(-left)} ago")}
    soon = left < EXPIRES_SOON
    return {
        "level": "pending" if soon else "live",
        "text": "ends soon" if soon else "valid",
        "moment": _time(expires, f"for {span(left)}"),
    }


@register.filter
def clock(moment: datetime | None) -> SafeString | str:
    """Date and time of day in UTC, to the second; the rest on hover."""
    if moment is None:
        return NOTHING
    return _time(moment, f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}", SafeString(" data-clock"))


def _time(moment: datetime, text: str, mark: SafeString = SafeString("")) -> SafeString:  # noqa: B008 - constant
    """``mark`` tells the pages' script to write the text in the reader's zone, too."""
    exact = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}"{} title="{} UTC">{}</time>',
        exact.isoformat(),
        mark,
        f"{exact:%Y-%m-%d %H:%M:%S}.{exact.microsecond // 1000:03}",
        text,
    )


@register.filter
def lasted(session) -> str:
    """How long a session lasted, or has lasted so far."""
    return span((session.ended_at or timezone.now()) - session.created_at)


@register.filter
def took(message) -> str:
    """Time between a message's arrival and its outcome."""
    if message.finished_at is None:
        return NOTHING
    length = (message.finished_at - message.received_at).total_seconds()
    return f"{length * 1000:.0f} ms" if length < 1 else f"{length:.1f} s"


@register.filter
def code(number: int | None) -> str:
    """A status code, or a dash where none came."""
    return NOTHING if number is None else str(number)


@register.filter
def wrappable(text: str) -> SafeString:
    """A long URI or key, with places where a narrow screen may break it."""
    parts = str(text).replace("@", "\0@").replace(";", "\0;").replace(" ", "\0 ").split("\0")
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in parts))


@register.filter
def thousands(number: int) -> str:
    """12 345 as 12,345."""
    return f"{number:,}"


@register.filter
def words(name: str) -> str:
    """A name of the records in words: invite_sent as invite sent."""
    return name.replace("_", " ")


@register.filter
def rate(number: float) -> str:
    """Messages a second, with as many digits as mean something."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


@register.filter
def milliseconds(number: float) -> SafeString:
    """A length of time, in the unit that fits."""
    if number < 1000:
        return format_html("{}<small> ms</small>", f"{number:.0f}")
    return format_html("{}<small> s</small>", f"{number / 1000:.1f}")


@register.filter
def lag(seconds: float) -> str:
    """The lateness of a loop."""
    return f"{seconds * 1000:.1f} ms"
