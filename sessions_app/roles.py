"""The groups that a new installation has: viewer, operator, administrator. Reading bodies is in none of them.

Made after every migration, so that a permission of a later version reaches the groups; permissions that somebody added
to a group stay.
"""

from __future__ import annotations

from typing import Any, Final

RECORDS: Final = ("gatewaysession", "messagerecord", "setupfailure", "sessionevent", "traceframe")
RULES: Final = ("route", "peer", "webhook")

PROCESSES: Final = ("node", "nodecommand", "traffic", "peercheck")
VIEWER: Final = frozenset(
    f"view_{model}" for model in (*RECORDS, *PROCESSES, "acknowledgement", "route", "peer", "routechange")
)
OPERATOR: Final = VIEWER | {
    "change_gatewaysession",  # end it
    "retry_message",
    "send_message",
    "acknowledge_failure",
    "drain_node",
}
ADMINISTRATOR: Final = (
    OPERATOR
    | {f"{verb}_{model}" for verb in ("view", "add", "change", "delete") for model in RULES}
    | {"view_webhookdelivery", "view_auditentry", "view_eventsubscription"}
)
GROUPS: Final = {"viewer": VIEWER, "operator": OPERATOR, "administrator": ADMINISTRATOR}


def ensure_groups(**_: Any) -> None:
    """Make the groups where they are missing, and give each what it lacks."""
    from django.contrib.auth.models import Group, Permission

    ours = Permission.objects.filter(content_type__app_label="sessions_app")
    known = {permission.codename: permission for permission in ours}
    for name, codenames in GROUPS.items():
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.add(*(known[codename] for codename in sorted(codenames) if codename in known))
