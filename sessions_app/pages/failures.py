"""Failures: grouped by cause, as lists, one by one, and what an operator does about them."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, TemplateView

from sessions_app import audit, causes, commands, validators
from sessions_app.api.serializers import SetupFailureSerializer
from sessions_app.filters import MessageFilter, SetupFailureFilter, span
from sessions_app.groups import MOST, groups
from sessions_app.ladder.session import of_failure
from sessions_app.models import Acknowledgement, MessageRecord, NodeCommand, SetupFailure
from sessions_app.pages import ladder
from sessions_app.pages.lists import Export, FilteredList, MayLook
from sessions_app.pages.messages import BROKEN

MAY_LOOK: Final = ("sessions_app.view_setupfailure", "sessions_app.view_messagerecord")
WINDOWS: Final = {"1h": "hour", "24h": "day", "7d": "week"}
MOST_AT_ONCE: Final = 1000
"""Messages that one bulk action takes."""


class FailureGroups(MayLook, TemplateView):
    """Failed set-ups and undelivered messages, by cause."""

    permission_required = MAY_LOOK
    template_name = "sessions_app/failure_groups.html"
    extra_context = {"nav": "failures", "windows": WINDOWS}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The groups of the window that the address asks for, a day by itself."""
        window = self.request.GET.get("window", "24h")
        if window not in WINDOWS:
            window = "24h"
        everything = self.request.GET.get("all") == "1"
        found = groups(span(window), timezone.now(), unseen=not everything)
        return super().get_context_data(
            groups=found[:MOST],
            left=max(0, len(found) - MOST),
            total=sum(group.count for group in found),
            most=max((group.count for group in found), default=1),
            window=window,
            everything=everything,
            **kwargs,
        )


class FailureList(FilteredList):
    """Failed set-ups, newest first."""

    queryset = SetupFailure.objects.all()
    filterset_class = SetupFailureFilter
    permission_required = "sessions_app.view_setupfailure"
    template_name = "sessions_app/failure_list.html"
    rows_name = "failures"
    export = "failure-export"
    extra_context = {"nav": "failures"}


class FailureExport(Export):
    """What the list shows, as a file."""

    queryset = SetupFailure.objects.all()
    filterset_class = SetupFailureFilter
    permission_required = "sessions_app.view_setupfailure"
    columns = SetupFailureSerializer.Meta.fields
    name = "setup-failures"


class FailureDetail(MayLook, DetailView):
    """One failed set-up: what happened, in words, and what to try."""

    model = SetupFailure
    permission_required = "sessions_app.view_setupfailure"
    template_name = "sessions_app/failure_detail.html"
    context_object_name = "failure"
    extra_context = {"nav": "failures"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The cause, the note, and the messages that were waiting."""
        context = super().get_context_data(**kwargs)
        failure = self.object
        context["told"] = causes.tell(failure.cause)
        if failure.session_id is None and self.request.user.has_perms(ladder.MAY_LOOK):
            drawn = of_failure(failure)
            if drawn.framed:
                context["drawing"] = mark_safe(  # noqa: S308 - escaped
                    drawn.svg(lambda number: reverse("frame", args=[failure.pk, number]))
                )
        context["note"] = Acknowledgement.objects.filter(record=failure.pk).first()
        if failure.session_id and self.request.user.has_perm("sessions_app.view_messagerecord"):
            lost = MessageRecord.objects.defer("body").filter(session_id=failure.session_id, state__in=BROKEN)
            context["message_records"] = lost.order_by("received_at", "id")[:100]
        return context


# ------------------------------------------------------------------------------------------------------------- actions


@login_required
@permission_required("sessions_app.retry_message", raise_exception=True)
@require_POST
def retry_message(request: HttpRequest, pk: str) -> HttpResponse:
    """Deliver it now; with ``ruri`` or ``next_hop``, elsewhere."""
    message = get_object_or_404(MessageRecord.objects.defer("body").select_related("session"), pk=pk)
    ruri, next_hop = (request.POST.get(name, "").strip() for name in ("ruri", "next_hop"))
    try:
        for address in filter(None, (ruri, next_hop)):
            validators.next_hop(address)
        if not MessageRecord.objects.filter(pk=message.pk, body__isnull=False).exists():
            messages.error(request, "Its body is not kept any more, so there is nothing to send.")
        elif message.state not in BROKEN:
            messages.info(request, f"It has not failed: it is {message.get_state_display()}.")
        else:
            command = commands.retry_message(message, request.user.get_username(), ruri=ruri, next_hop=next_hop)
            audit.record(request, audit.Action.RETRY_MESSAGE, message.pk, f"{ruri} {next_hop}".strip())
            _say(request, command)
    except (validators.ValidationError, commands.NoNode) as why:
        messages.error(request, " ".join(why.messages) if isinstance(why, validators.ValidationError) else str(why))
    return redirect("message-detail", pk=message.pk)


def _say(request: HttpRequest, command: NodeCommand) -> None:
    if not commands.wait(command, 2.0):
        messages.info(request, f"{command.node} has been asked to send it again.")
    elif command.result.startswith("not"):
        messages.error(request, command.result)
    else:
        messages.success(request, f"{command.node}: {command.result}. Its outcome shows here.")


@login_required
@permission_required("sessions_app.acknowledge_failure", raise_exception=True)
@require_POST
def acknowledge(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Note that it has been seen."""
    if SetupFailure.objects.filter(pk=pk).exists():
        address = "failure-detail"
    else:
        get_object_or_404(MessageRecord.objects.defer("body"), pk=pk)
        address = "message-detail"
    note = request.POST.get("note", "").replace("\0", "").strip()[:500]
    Acknowledgement.objects.update_or_create(
        record=pk, defaults={"by": request.user.get_username(), "at": timezone.now(), "note": note}
    )
    audit.record(request, audit.Action.ACKNOWLEDGE, pk, note)
    messages.success(request, "Acknowledged.")
    return redirect(address, pk=pk)


@login_required
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Retry or acknowledge what a list shows: the chosen rows, or all that its filters find, at most MOST_AT_ONCE."""
    kind, act = request.POST.get("kind"), request.POST.get("act")
    needed = {"retry": "retry_message", "acknowledge": "acknowledge_failure"}.get(act or "")
    if needed is None or kind not in ("setup", "message") or (act == "retry" and kind == "setup"):
        return HttpResponse("Nothing that can be done.", status=400)
    if not request.user.has_perm(f"sessions_app.{needed}"):
        return render(request, "403.html", status=403)
    chosen = _chosen(request, kind)
    if act == "acknowledge":
        return _acknowledge_all(request, chosen)
    return _retry_all(request, chosen)


def _chosen(request: HttpRequest, kind: str) -> list[Any]:
    rows: Any
    if kind == "setup":
        rows, filterset = SetupFailure.objects.all(), SetupFailureFilter
    else:
        rows, filterset = MessageRecord.objects.filter(state__in=BROKEN), MessageFilter
    ids = [value for value in request.POST.getlist("id") if _is_uuid(value)]
    if ids:
        return list(rows.filter(pk__in=ids).values_list("pk", flat=True)[:MOST_AT_ONCE])
    from django.http import QueryDict

    found = filterset(QueryDict(request.POST.get("query", "")), queryset=rows, request=request)
    if not found.is_valid():
        return []
    return list(found.qs.order_by(*found.order()).values_list("pk", flat=True)[:MOST_AT_ONCE])


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _acknowledge_all(request: HttpRequest, chosen: list[Any]) -> HttpResponse:
    note = request.POST.get("note", "").replace("\0", "").strip()[:500]
    by = request.user.get_username()
    Acknowledgement.objects.bulk_create(
        (Acknowledgement(record=pk, by=by, note=note) for pk in chosen), ignore_conflicts=True
    )
    audit.record(request, audit.Action.ACKNOWLEDGE, "", f"{len(chosen)} failures: {note}")
    messages.success(request, f"{len(chosen)} acknowledged.")
    back = request.POST.get("back", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "failure-groups")


def _retry_all(request: HttpRequest, chosen: list[Any]) -> HttpResponse:
    rows = list(MessageRecord.objects.defer("body").select_related("session").filter(pk__in=chosen, body__isnull=False))
    if not rows:
        messages.error(
            request, f"None of the {len(chosen)} messages has its body any more, so there is nothing to send."
        )
        return redirect("failure-groups")
    batch = uuid.uuid4()
    try:
        for message in sorted(rows, key=lambda each: each.received_at):
            commands.retry_message(message, request.user.get_username(), batch=batch)
    except commands.NoNode as why:
        messages.error(request, str(why))
        return redirect("failure-groups")
    audit.record(request, audit.Action.RETRY_MESSAGE, batch, f"{len(rows)} messages")
    if len(rows) < len(chosen):
        messages.info(request, f"{len(chosen) - len(rows)} have no body any more and were left out.")
    return redirect("bulk-progress", batch=batch)


@login_required
@permission_required("sessions_app.view_messagerecord", raise_exception=True)
def progress(request: HttpRequest, batch: uuid.UUID) -> HttpResponse:
    """How far a bulk retry is; the part that moves alone, where htmx asks."""
    given = list(NodeCommand.objects.filter(batch=batch).values_list("done_at", "result", "argument"))
    if not given:
        return render(request, "404.html", status=404)
    ids = [argument["message"] for _, _, argument in given]
    states = list(MessageRecord.objects.filter(pk__in=ids).values_list("state", flat=True))
    done = sum(1 for at, _, _ in given if at is not None)
    refused = [result for _, result, _ in given if result.startswith("not")]
    tally = {
        "total": len(given),
        "told": done,
        "delivered": states.count("delivered") + states.count("accepted"),
        "failed": states.count("failed") + states.count("expired"),
        "pending": states.count("pending"),
        "refused": len(refused),
        "why": sorted(set(refused))[:5],
    }
    over = done == len(given) and not tally["pending"]
    settled = len(given) if over else tally["delivered"] + tally["refused"]
    context = {"batch": batch, "tally": tally, "over": over, "settled": settled, "nav": "failures"}
    part = request.headers.get("HX-Request") == "true"
    return render(request, "sessions_app/_progress.html" if part else "sessions_app/bulk_progress.html", context)
