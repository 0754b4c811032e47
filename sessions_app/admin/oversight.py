"""Webhooks with their deliveries and a test button; the audit trail; changes of the rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from sessions_app import webhooks
from sessions_app.admin.confirm import confirm
from sessions_app.admin.records import LatestInline, Light, RecordAdmin
from sessions_app.admin.utc import utc
from sessions_app.models import AuditEntry, Webhook, WebhookDelivery
from sessions_app.oversight import EVENTS


class WebhookForm(forms.ModelForm):
    """Events are ticked, not typed."""

    url = forms.URLField(max_length=500, assume_scheme="https", help_text="Gets a POST with JSON for each event.")
    events = forms.MultipleChoiceField(choices=EVENTS, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = Webhook
        fields = ["name", "url", "events", "enabled", "secret"]

    def clean_url(self) -> str:
        """Only what a POST can go to."""
        url = self.cleaned_data["url"]
        if not url.startswith(("http://", "https://")):
            raise forms.ValidationError("An http or https address.")
        return url


class DeliveryInline(LatestInline):
    """The latest deliveries."""

    model = WebhookDelivery
    fields = readonly_fields = ["created", "event", "state", "attempts", "status", "detail"]
    ordering = ["-created_at", "-id"]

    created = utc("created_at")


@admin.register(Webhook)
class WebhookAdmin(Light, ModelAdmin):
    """Who is told of what; "Send a test event" tries one at once."""

    form = WebhookForm
    list_display = ["name", "url", "which", "enabled"]
    list_filter = ["enabled"]
    search_fields = ["name", "url"]
    inlines = [DeliveryInline]
    actions_detail = ["send_test"]
    warn_unsaved_form = True

    @display(description="events")
    def which(self, webhook: Webhook) -> str:
        """Which events."""
        return ", ".join(webhook.events)

    @action(description="Send a test event", url_path="send-test", permissions=["change"])
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A made-up event, at once; what came of it is said."""
        webhook = get_object_or_404(Webhook, pk=object_id)
        if request.method != "POST":
            back = reverse("admin:sessions_app_webhook_change", args=[object_id])
            question = f"Send a test event to {webhook.url}?"
            return confirm(self, request, "Test a webhook", question, "Yes, send it", back)
        status, detail = webhooks.test_event(webhook)
        good = status is not None and 200 <= status < 300
        level = messages.SUCCESS if good else messages.ERROR
        self.message_user(request, f"{webhook.url}: {detail or 'no answer'}", level)
        return redirect("admin:sessions_app_webhook_change", object_id)


@admin.register(WebhookDelivery)
class DeliveryAdmin(RecordAdmin):
    """Each event for each webhook, and how often it was tried."""

    list_display = ["created", "webhook", "event", "state_label", "attempts", "status", "detail", "next_try"]
    list_filter = ["state", "event", "webhook"]
    list_select_related = ["webhook"]
    ordering = ["-created_at", "-id"]
    actions = ["try_again"]

    created = utc("created_at")

    @display(description="state", label={"delivered": "success", "waiting": "warning", "given_up": "danger"})
    def state_label(self, delivery: WebhookDelivery) -> tuple[str, str]:
        """The state in words."""
        return delivery.state, delivery.get_state_display()

    @display(description="next try")
    def next_try(self, delivery: WebhookDelivery) -> str:
        """When, where it is waiting."""
        return f"{delivery.next_at:%H:%M:%S} UTC" if delivery.state == "waiting" else ""

    @admin.action(description="Try the selected deliveries again", permissions=["retry"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[WebhookDelivery]) -> None:
        """Those that were given up, from the first pause on."""
        number = chosen.exclude(state="delivered").update(
            state="waiting", next_at=timezone.now(), finished_at=None, attempts=0
        )
        self.message_user(request, f"{number} will be tried within seconds.", messages.SUCCESS)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whoever may change webhooks."""
        return request.user.has_perm("sessions_app.change_webhook")


@admin.register(AuditEntry)
class AuditAdmin(RecordAdmin):
    """Who did and read what."""

    list_display = ["when", "who", "action", "target", "detail", "address"]
    list_filter = ["action", "at"]
    search_fields = ["who", "target"]
    ordering = ["-id"]

    when = utc("at", "time")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All of it."""
        return ["when", "who", "action", "target", "detail", "address"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All that is shown."""
        return self.get_fields(request, obj)
