"""A session's row: as it begins, and what changes in its life."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from sessions_app.store import message_rows

if TYPE_CHECKING:
    from sessions_app.gateway.leg import Leg
    from sessions_app.gateway.session import Session


class State(Enum):
    """Where a session is in its life; the values are those of the records, except that ENDED is two there."""

    SETTING_UP = "setting_up"
    LIVE = "live"
    ENDED = "ended"


def beginnings(session: Session) -> dict[str, tuple[str, str]]:
    """What the rows of this session's messages have in common, each way."""
    page = session.page
    return {
        "to_msrp": (message_rows.head(session.id, "to_msrp"), message_rows.parties(page.to_uri, page.from_uri)),
        "to_page": (message_rows.head(session.id, "to_page"), message_rows.parties(page.from_uri, page.to_uri)),
    }


def progress(session: Session) -> dict[str, Any]:
    """Counters and times as they stand."""
    gateway = session.gateway
    return {
        "to_msrp": session.to_msrp,
        "to_page": session.to_page,
        "undelivered": session.undelivered,
        "last_message_at": gateway.wall_of(session.last_message_at),
        "last_send_at": gateway.wall_of(session.last_send_at),
    }


def new(session: Session, leg: Leg) -> dict[str, Any]:
    """Every column of a session that begins."""
    gateway = session.gateway
    decision = session.decision
    dialog = leg.dialog
    return {
        "id": session.id,
        "key": session.key,
        "bucket": gateway.bucket(session.key),
        "node": gateway.config.node_name,
        "state": "setting_up",
        "initiator": session.initiator,
        "from_uri": decision.from_uri,
        "to_uri": decision.to_uri,
        "ruri": decision.ruri,
        "source": session.source,
        "route": decision.route,
        "call_id": leg.call_id,
        "dialog": dialog.as_record() if dialog.call_id else {},
        "local_path": session.local_path,
        "peer_path": "",
        "content_types": str(decision.content_types),
        "peer_types": "",
        "next_hop": decision.next_hop,
        "back_hop": decision.back_hop,
        "created_at": session.created_at,
        "end_reason": "",
        **progress(session),
    }


def live(session: Session) -> dict[str, Any]:
    """What is known once it has its MSRP side."""
    msrp, leg = session.msrp, session.leg
    assert msrp is not None
    assert leg is not None
    return {
        "state": "live",
        "dialog": leg.dialog.as_record(),
        "local_path": session.local_path,
        "peer_path": " ".join(msrp.peer_path or ()),
        "peer_types": str(msrp.peer_accept_types),
    }
