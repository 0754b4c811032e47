"""What is put on the audit trail by itself: logging in, and every change of the rules, with the way back."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models.signals import post_save

from sessions_app import audit
from sessions_app.addresses import of_caller


def connect() -> None:
    """Begin to listen."""
    user_logged_in.connect(_logged_in, dispatch_uid="parley-logged-in")
    post_save.connect(_changed, sender="admin.LogEntry", dispatch_uid="parley-admin-log")
    user_login_failed.connect(_login_failed, dispatch_uid="parley-login-failed")


#: Their changes are kept whole, see sessions_app.admin.history.
KEPT_ELSEWHERE = frozenset({"route", "peer"})


def _changed(sender: Any, instance: Any, created: bool, **_: Any) -> None:
    """Whatever else the admin writes into its own log: users, groups, webhooks, tokens."""
    if not created or instance.content_type is None or instance.content_type.model in KEPT_ELSEWHERE:
        return
    what = {1: "added", 2: "changed", 3: "deleted"}.get(instance.action_flag, "touched")
    detail = f"{instance.content_type.name} {instance.object_repr} {what}: {instance.get_change_message()}"
    audit.write(instance.user.get_username(), audit.Action.CHANGE, instance.object_id or "", detail)


def _logged_in(sender: Any, request: Any, user: Any, **_: Any) -> None:
    if request is not None:
        audit.write(user.get_username(), audit.Action.LOG_IN, address=of_caller(request))


def _login_failed(sender: Any, credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    name = str(credentials.get("username", "")).replace("\0", "")
    audit.write(name, audit.Action.LOG_IN_FAILED, address=of_caller(request) if request is not None else None)
