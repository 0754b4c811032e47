"""What a new installation starts with: loopback trusted, one route each way."""

from __future__ import annotations

from sessions_app.models import Peer, Route


def ensure_default_routes() -> bool:
    """Make the default peer and routes where there are none of either; True if it did.

    An operator's own table is never touched, an emptied one not refilled while a peer remains.
    """
    if Peer.objects.exists() or Route.objects.exists():
        return False
    Peer.objects.create(name="loopback", network="127.0.0.0/8", notes="This machine. Made at the first start.")
    Peer.objects.create(name="loopback-ipv6", network="::1/128", notes="This machine. Made at the first start.")
    Route.objects.create(
        name="MESSAGE to MSRP", priority=100, method=Route.Method.MESSAGE, action=Route.Action.MSG_TO_MSRP
    )
    Route.objects.create(
        name="INVITE from MSRP", priority=200, method=Route.Method.INVITE, action=Route.Action.MSRP_GW_ANSWER
    )
    return True
