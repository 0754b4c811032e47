"""The gateway's records: what it may do (Route, Peer), what it did (sessions, messages, failures) and what it is told.

Rules live here as database constraints, so that no process, shell or SQL prompt can break them. The message path never
saves through the ORM: see :mod:`sessions_app.store`. This is where Django looks for models; each lives in a file of its
kind.
"""

from sessions_app.frames import TraceFrame
from sessions_app.models.failures import SetupFailure
from sessions_app.models.messages import MessageRecord
from sessions_app.models.routing import Peer, Route
from sessions_app.models.sessions import GatewaySession, SessionEvent
from sessions_app.nodes import Node, NodeCommand
from sessions_app.oversight import (
    Acknowledgement,
    AuditEntry,
    EventSubscription,
    FailureTally,
    PeerCheck,
    RouteChange,
    Traffic,
    Webhook,
    WebhookDelivery,
)

__all__ = [
    "Acknowledgement",
    "AuditEntry",
    "EventSubscription",
    "FailureTally",
    "GatewaySession",
    "MessageRecord",
    "Node",
    "NodeCommand",
    "Peer",
    "PeerCheck",
    "Route",
    "RouteChange",
    "SessionEvent",
    "SetupFailure",
    "TraceFrame",
    "Traffic",
    "Webhook",
    "WebhookDelivery",
]
