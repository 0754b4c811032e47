"""What is put on the audit trail by itself: logging in, and every change of the rules, with the way back."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed

from sessions_app import audit


def connect() -> None:
    """Begin to listen."""
    user_logged_in.connect(_logged_in, dispatch_uid="parley-logged-in")
    user_login_failed.connect(_login_failed, dispatch_uid="parley-login-failed")


def _logged_in(sender: Any, request: Any, user: Any, **_: Any) -> None:
    if request is not None:
        audit.write(user.get_username(), audit.Action.LOG_IN, address=audit.address_of(request))


def _login_failed(sender: Any, credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    name = str(credentials.get("username", "")).replace("\0", "")
    audit.write(name, audit.Action.LOG_IN_FAILED, address=audit.address_of(request) if request is not None else None)
