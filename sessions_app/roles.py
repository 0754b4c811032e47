"""The groups that a new installation has: viewer, operator, administrator. Reading bodies is in none of them.

Made after every migration, so that a permission of a later version reaches the groups; permissions that somebody added
to a group stay.
"""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS

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


def ensure_groups(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Make the groups where they are missing, and give each what it lacks.

    A receiver of post_migrate, which is sent app by app in the order of INSTALLED_APPS and received in the order of
    connecting: Django's own, which makes the permissions, may come after this one. So it is asked here to come first;
    what is there is not made again.
    """
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group, Permission

    create_permissions(apps.get_app_config("sessions_app"), verbosity=0, interactive=False, using=using)
    ours = Permission.objects.using(using).filter(content_type__app_label="sessions_app")
    known = {permission.codename: permission for permission in ours}
    for name, codenames in GROUPS.items():
        group, _made = Group.objects.using(using).get_or_create(name=name)
        group.permissions.add(*(known[codename] for codename in sorted(codenames) if codename in known))
