"""Times in the admin: UTC, to the second, the rest on hover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.safestring import SafeString
from unfold.decorators import display

from sessions_app.templatetags.gateway import clock


def utc(field: str, name: str | None = None) -> Callable[..., SafeString | str]:
    """A column that shows the time in ``field``."""

    @display(description=f"{name or field.removesuffix('_at').replace('_', ' ')} (UTC)", ordering=field)
    def shown(self: Any, record: Any) -> SafeString | str:
        return clock(getattr(record, field))

    return shown
