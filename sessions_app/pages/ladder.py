"""The ladder of a session as a part of its page, its frames one by one, its exports, and a capture."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST, require_safe

from sessions_app import audit, commands, csv_rows
from sessions_app.filters import MomentField
from sessions_app.ladder import capture_file
from sessions_app.ladder.session import of_session
from sessions_app.models import GatewaySession, TraceFrame
from sessions_app.pages.bodies import PERMISSION, as_text
from sessions_app.trace.frames import mask

MAY_LOOK = ("sessions_app.view_gatewaysession", "sessions_app.view_traceframe")
SHOWN = 75
"""Steps that a page shows at once."""
CAPTURED = 60
"""Seconds of a capture."""
MOST_EXPORTED = 20_000
"""Frames of a capture file, the newest."""


def context(session: GatewaySession, before: str = "") -> dict[str, Any]:
    """What the part of the page needs. ``before``: a time, the steps before it; what is none means the newest."""
    try:
        moment = MomentField(required=False).clean(before)
    except ValidationError:
        moment = None
    ladder = of_session(session, SHOWN, moment)
    frames = reverse("session-detail", args=[session.pk]) + "frames/"
    return {
        "session": session,
        "ladder": ladder,
        "earlier": moment is not None,
        "shown_steps": SHOWN,
        "drawing": mark_safe(ladder.svg(lambda number: f"{frames}{number}/")),  # noqa: S308 - escaped
    }


@login_required
@permission_required(MAY_LOOK, raise_exception=True)
@require_safe
def export(request: HttpRequest, pk: str, form: str) -> HttpResponse:
    """The ladder as ``svg`` or ``txt``."""
    session = get_object_or_404(GatewaySession.objects.defer("dialog"), pk=pk)
    ladder = of_session(session)
    audit.record(request, audit.Action.EXPORT, session.pk, f"ladder {form}")
    content, kind = (ladder.svg(alone=True), "image/svg+xml") if form == "svg" else (ladder.text() + "\n", "text/plain")
    return _file(content.encode(), f"{kind}; charset=utf-8", f"ladder-{session.pk}.{form}")


@login_required
@permission_required(MAY_LOOK, raise_exception=True)
def pcap(request: HttpRequest, pk: str) -> HttpResponse | StreamingHttpResponse:
    """The frames for Wireshark. With bodies only by POST, for whoever may read them, and that is on the audit trail."""
    session = get_object_or_404(GatewaySession.objects.defer("dialog"), pk=pk)
    bodies = request.method == "POST"
    if bodies and not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    frames = session.frames.all()
    number = frames.order_by()[: MOST_EXPORTED + 1].count()
    if number > MOST_EXPORTED:
        number = MOST_EXPORTED
        frames = frames.filter(at__gte=frames.order_by("-at", "-id").values_list("at", flat=True)[number - 1])
    action = audit.Action.READ_BODY if bodies else audit.Action.EXPORT
    audit.record(request, action, session.pk, f"pcap of {number} frames")
    pieces = capture_file.of_frames(frames, number, bodies=bodies)
    content: Any = csv_rows.in_blocks(pieces, b"") if hasattr(request, "scope") else pieces
    return StreamingHttpResponse(
        content,
        content_type="application/vnd.tcpdump.pcap",
        headers=_headers(f"session-{session.pk}.pcap"),
    )


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


@login_required
@permission_required(MAY_LOOK, raise_exception=True)
def frame(request: HttpRequest, pk: str, number: int) -> HttpResponse:
    """One frame as it was on the wire; its body by POST only, for whoever may read it."""
    found = get_object_or_404(TraceFrame, session=pk, pk=number)
    reveal = request.method == "POST"
    if reveal:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        audit.record(request, audit.Action.READ_BODY, pk, f"frame {number}")
    data = bytes(found.data)
    shown = data if reveal else mask(found.protocol, data)
    page = {
        "frame": found,
        "shown": as_text(shown),
        "hidden": not found.masked and shown != data,
        "revealed": reveal,
        "nav": "sessions",
        "session_pk": pk,
        "refused": not GatewaySession.objects.filter(pk=pk).exists(),
    }
    answer = render(request, "sessions_app/frame.html", page)
    answer["Cache-Control"] = "no-store"
    return answer


@login_required
@permission_required("sessions_app.change_gatewaysession", raise_exception=True)
@require_POST
def capture(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask the session's process to store its frames for a minute."""
    session = get_object_or_404(GatewaySession, pk=pk)
    if session.is_live:
        commands.capture(session, request.user.get_username(), CAPTURED)
        audit.record(request, audit.Action.CAPTURE, session.pk, session.key)
        messages.success(request, f"Every frame of this session is stored for {CAPTURED} seconds.")
    else:
        messages.info(request, "This session has ended: nothing is left to capture.")
    return redirect("session-detail", pk=session.pk)
