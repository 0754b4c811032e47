"""The gateway: between page mode and session mode, by routes.

A request route (setting ``GATEWAY_ROUTE``) is a callable that gets a :class:`RouteRequest` and calls one of
:func:`msg_to_msrp`, :func:`msrp_gw_answer` or :func:`reject`.
"""

from sessions_app.gateway.routing import RouteRequest, msg_to_msrp, msrp_gw_answer, reject

__all__ = ["RouteRequest", "msg_to_msrp", "msrp_gw_answer", "reject"]
