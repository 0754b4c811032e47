"""Rows for tests of the pages, the API and the tasks: each maker takes what matters and fills in the rest."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from sessions_app.cause import NO_CAUSE, Cause
from sessions_app.models import GatewaySession, MessageRecord, Node, SessionEvent, SetupFailure
from sessions_app.roles import ensure_groups


def ago(**length: float) -> datetime:
    """A time in the past."""
    return timezone.now() - timedelta(**length)


def session_values(**values: Any) -> dict[str, Any]:
    """Columns of a live session that the message side began."""
    created = values.pop("created_at", None) or timezone.now()
    return {
        "key": f"key-{uuid.uuid4()}",
        "bucket": 7,
        "node": "gateway-1",
        "state": "live",
        "initiator": "message",
        "from_uri": "sip:alice@example.com",
        "to_uri": "sip:bob@example.net",
        "ruri": "sip:bob@192.0.2.7:5070",
        "created_at": created,
        "last_message_at": created,
        "last_send_at": created,
        **values,
    }


def make_session(**values: Any) -> GatewaySession:
    return GatewaySession.objects.create(**session_values(**values))


def make_ended(**values: Any) -> GatewaySession:
    return make_session(
        **{"state": "ended", "ended_at": timezone.now(), "end_reason": "BYE from the MSRP side", **values}
    )


def of_cause(cause: Cause) -> dict[str, Any]:
    """Columns of a message that failed for it."""
    return {
        "side": cause.side.value,
        "layer": cause.layer,
        "code": cause.code,
        "lost_with": cause.lost_with.value,
        "detail": cause.text,
    }


def make_message(session: GatewaySession, cause: Cause = NO_CAUSE, **values: Any) -> MessageRecord:
    now = timezone.now()
    return MessageRecord.objects.create(
        session=session,
        **{
            "direction": "to_msrp",
            "state": "delivered",
            "from_uri": session.from_uri,
            "to_uri": session.to_uri,
            "content_type": "text/plain",
            "size": 5,
            "received_at": now,
            "finished_at": now,
            "sip_code": 200,
            "msrp_code": 200,
            **of_cause(cause),
            **values,
        },
    )


def make_failure(session: GatewaySession | None = None, **values: Any) -> SetupFailure:
    return SetupFailure.objects.create(
        session=session,
        **{
            "key": session.key if session else "some-key",
            "from_uri": "sip:alice@example.com",
            "to_uri": "sip:bob@example.net",
            "ruri": "sip:bob@192.0.2.7",
            "code": 486,
            "reason": "Busy Here",
            "leg": "msrp",
            "layer": "sip",
            "detail": "486 Busy Here",
            "answered": 486,
            "waiting": 1,
            "node": "gateway-1",
            "created_at": timezone.now(),
            **values,
        },
    )


def make_event(session: GatewaySession, kind: str = "live", **values: Any) -> SessionEvent:
    return SessionEvent.objects.create(session=session, **{"at": timezone.now(), "kind": kind, **values})


def make_node(name: str = "gateway-1", **values: Any) -> Node:
    now = timezone.now()
    return Node.objects.create(
        name=name, **{"version": "1", "pid": 1, "listeners": [], "started_at": now, "heartbeat_at": now, **values}
    )


def make_user(name: str, *permissions: str, **values: Any) -> User:
    """A user with these permissions of the gateway's app, as `view_gatewaysession`."""
    user = User.objects.create_user(name, password="secret", **values)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="sessions_app", codename__in=permissions)
    )
    return user


def _of_group(group: str, name: str, **values: Any) -> User:
    user = User.objects.create_user(name, password="secret", **values)
    ensure_groups()  # a test that emptied the tables has emptied this one, too
    user.groups.add(Group.objects.get(name=group))
    return user


def viewer(name: str = "vera", **values: Any) -> User:
    """Somebody who may look."""
    return _of_group("viewer", name, **values)


def operator(name: str = "otto", **values: Any) -> User:
    """Somebody who may look and act."""
    return _of_group("operator", name, **values)


def administrator(name: str = "ada", **values: Any) -> User:
    """Somebody who may change the rules, too."""
    return _of_group("administrator", name, **values)


def reader(name: str = "rita", **values: Any) -> User:
    """A viewer who may read bodies."""
    user = viewer(name, **values)
    user.user_permissions.add(Permission.objects.get(codename="read_body"))
    return user
