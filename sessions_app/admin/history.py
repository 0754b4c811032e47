"""Every change of a route or peer in the admin: who, when, before and after, and the way back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from sessions_app import audit
from sessions_app.admin.confirm import confirm
from sessions_app.admin.records import RecordAdmin
from sessions_app.admin.utc import utc
from sessions_app.models import Peer, Route, RouteChange

MODELS: dict[str, type[models.Model]] = {"route": Route, "peer": Peer}


def columns(record: models.Model | None) -> dict[str, Any] | None:
    """The columns that an operator decides, as JSON has them; None where there is no such record (any more)."""
    if record is None or record.pk is None:
        return None
    import json

    fields = [field.name for field in record._meta.fields if field.editable and not field.primary_key]
    return json.loads(DjangoJSONEncoder().encode(model_to_dict(record, fields)))


def note(
    request: HttpRequest, record: models.Model, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    """Keep a change, unless it is none."""
    if before == after:
        return
    kind = record._meta.model_name or ""
    RouteChange.objects.create(
        kind=kind,
        record=record.pk,
        name=str(getattr(record, "name", ""))[:100],
        by=request.user.get_username(),
        before=before,
        after=after,
    )
    audit.record(request, audit.Action.CHANGE, record.pk, f"{kind} {getattr(record, 'name', '')}")


class Remembers:
    """A ModelAdmin whose changes are kept."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Before and after."""
        before = columns(type(obj)._default_manager.filter(pk=obj.pk).first()) if change else None
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        note(request, obj, before, columns(type(obj)._default_manager.get(pk=obj.pk)))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """What it was."""
        before, pk = columns(obj), obj.pk
        super().delete_model(request, obj)  # type: ignore[misc]
        obj.pk = pk
        note(request, obj, before, None)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """One by one, so that each is kept."""
        for record in queryset:
            self.delete_model(request, record)


@admin.register(RouteChange)
class ChangeAdmin(RecordAdmin):
    """Changes of routes and peers; each can be taken back."""

    list_display = ["when", "by", "kind", "name", "what"]
    list_filter = ["kind", "at"]
    search_fields = ["name", "by"]
    ordering = ["-id"]
    actions_detail = ["undo"]
    fields = readonly_fields = ["when", "by", "kind", "name", "what"]

    when = utc("at", "time")

    @display(description="what")
    def what(self, change: RouteChange) -> SafeString | str:
        """The columns that changed."""
        if change.before is None:
            return "made"
        if change.after is None:
            return "deleted"
        rows = [
            (name, str(change.before.get(name)), str(value))
            for name, value in change.after.items()
            if change.before.get(name) != value
        ]
        return format_html_join(SafeString("<br>"), "{}: {} → {}", rows)

    @action(description="Take this change back", url_path="undo", permissions=["undo"])
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make it as it was before; that is a change, too, and can be taken back."""
        change = get_object_or_404(RouteChange, pk=object_id)
        if request.method != "POST":
            question = f"Make the {change.kind} {change.name} as it was before {change.at:%Y-%m-%d %H:%M:%S} UTC?"
            back = reverse("admin:sessions_app_routechange_changelist")
            return confirm(self, request, "Take a change back", question, "Yes, take it back", back, self.what(change))
        try:
            with transaction.atomic():
                restore(request, change)
        except (ValidationError, IntegrityError) as why:
            text = "; ".join(why.messages) if isinstance(why, ValidationError) else str(why).splitlines()[0]
            self.message_user(request, f"It cannot be taken back: {text}", messages.ERROR)
        else:
            self.message_user(request, f"{change.kind} {change.name} is as it was before.", messages.SUCCESS)
        return redirect("admin:sessions_app_routechange_changelist")

    def has_undo_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may change routes and peers."""
        return request.user.has_perm("sessions_app.change_route") and request.user.has_perm("sessions_app.change_peer")


def restore(request: HttpRequest, change: RouteChange) -> None:
    """Raises ValidationError or IntegrityError where what was before cannot be any more."""
    model = MODELS[change.kind]
    record = model._default_manager.filter(pk=change.record).first()
    before = columns(record)
    if change.before is None:
        if record is not None:
            record.delete()
            record.pk = change.record
            note(request, record, before, None)
        return
    record = record or model(pk=change.record)
    for field in model._meta.fields:
        if field.name in change.before:
            setattr(record, field.attname, field.to_python(change.before[field.name]))
    record.full_clean()
    record.save(force_insert=before is None)
    note(request, record, before, columns(model._default_manager.get(pk=record.pk)))
