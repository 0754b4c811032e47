"""The admin's side bar: the gateway's tables first, each for whoever may see it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

_GROUPS = [
    (
        "Records",
        [
            ("Sessions", "forum", "sessions_app", "gatewaysession"),
            ("Messages", "mail", "sessions_app", "messagerecord"),
            ("Set-up failures", "report", "sessions_app", "setupfailure"),
        ],
    ),
    (
        "Rules",
        [
            ("Routes", "alt_route", "sessions_app", "route"),
            ("Peers", "lan", "sessions_app", "peer"),
            ("Changes", "history", "sessions_app", "routechange"),
            ("Webhooks", "webhook", "sessions_app", "webhook"),
            ("Deliveries", "outbox", "sessions_app", "webhookdelivery"),
        ],
    ),
    (
        "Processes",
        [("Nodes", "dns", "sessions_app", "node"), ("Commands", "terminal", "sessions_app", "nodecommand")],
    ),
    (
        "Accounts",
        [
            ("Users", "person", "auth", "user"),
            ("Groups", "group", "auth", "group"),
            ("API tokens", "key", "authtoken", "tokenproxy"),
            ("Audit trail", "policy", "sessions_app", "auditentry"),
        ],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with what this user may view; empty groups are left out."""
    groups = []
    for title, entries in _GROUPS:
        items = [
            {"title": name, "icon": icon, "link": reverse(f"admin:{app}_{model}_changelist")}
            for name, icon, app, model in entries
            if request.user.has_perm(f"{app}.view_{model}") or request.user.has_perm(f"{app}.change_{model}")
        ]
        if items:
            groups.append({"title": title, "items": items, "separator": bool(groups)})
    return groups
