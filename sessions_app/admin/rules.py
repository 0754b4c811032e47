"""What an operator decides: routes and peers. The gateway takes a change up within seconds."""

from __future__ import annotations

from copy import copy
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from sessions_app.admin.history import Remembers
from sessions_app.admin.records import Light
from sessions_app.admin.tryout import TriesOut
from sessions_app.models import Peer, Route

FORMS = 20
"""Rows of a list that have fields to fill in."""


class RowForm(forms.ModelForm):
    """A row of a list that can be edited there: each field says which row it is of."""

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{field.label} of {self.instance}"


class EditedInRows:
    """A ModelAdmin whose list has fields."""

    def get_changelist_form(self, request: HttpRequest, **named: Any) -> Any:
        """See above."""
        return super().get_changelist_form(request, **{"form": RowForm, **named})  # type: ignore[misc]


@admin.register(Route)
class RouteAdmin(TriesOut, EditedInRows, Remembers, Light, ModelAdmin):
    """The routes table, in the order in which it is asked."""

    list_display = ["name", "priority", "enabled", "method", "peer", "source_network", "does", "key_template"]
    list_editable = ["priority", "enabled"]
    list_per_page = FORMS
    list_filter = ["enabled", "action", "method"]
    list_select_related = ["peer"]
    search_fields = ["name", "from_pattern", "to_pattern", "ruri_pattern", "next_hop", "source_network"]
    ordering = ["priority", "name"]
    ordering_field = "priority"
    warn_unsaved_form = True
    compressed_fields = False
    fieldsets = [
        (
            None,
            {
                "fields": ["name", "priority", "enabled"],
                "description": "The first enabled route that takes a request decides what becomes of it. "
                "A change is in force within two seconds; sessions that live are not touched.",
            },
        ),
        (
            "Which requests",
            {
                "fields": ["method", "peer", "source_network", "from_pattern", "to_pattern", "ruri_pattern"],
                "description": "All that is filled in must match. Patterns are regular expressions that the whole "
                "address of record must match; empty matches everything.",
            },
        ),
        (
            "What becomes of them",
            {
                "fields": ["action", "reject_code", "reject_reason"],
                "description": "Code and reason are those of the action reject.",
            },
        ),
        (
            "Session",
            {
                "fields": ["key_template", "content_types"],
                "description": "Requests with the same key share one session: a MESSAGE from A to B and an INVITE "
                "from B to A meet under {pair}.",
            },
        ),
        (
            "Requests that the gateway makes",
            {
                "fields": [
                    *("from_template", "to_template", "ruri_template"),
                    *("next_hop", "back_hop", "way_back", "destinations"),
                ],
                "description": "{from}, {to} and {ruri} are the addresses of the request that came in.",
            },
        ),
        (
            "When the set-up fails",
            {
                "fields": ["notify_failure", "failure_template"],
                "description": "The waiting MESSAGEs are answered with an error in any case.",
            },
        ),
    ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Rows are dragged where all stand in their order; dragging some of them would number them past the others."""
        found = super().get_changelist_instance(request)
        if not self.has_change_permission(request) or request.GET or found.multi_page:
            found.model_admin = copy(self)
            found.model_admin.ordering_field = None
        return found

    @admin.display(description="action", ordering="action")
    def does(self, route: Route) -> str:
        """The function by its name; the form says what it does."""
        return route.action


@admin.register(Peer)
class PeerAdmin(EditedInRows, Remembers, Light, ModelAdmin):
    """Networks that may talk to the gateway."""

    list_display = ["name", "network", "enabled", "notes"]
    list_editable = ["enabled"]
    list_per_page = FORMS
    list_filter = ["enabled"]
    search_fields = ["name", "network", "notes"]
    ordering = ["name"]
    warn_unsaved_form = True
    fields = [
        *("name", "network", "enabled", "takes_cpim", "oversize", "first_send", "destinations", "notes"),
        *("created_at", "updated_at"),
    ]
    readonly_fields = ["created_at", "updated_at"]
