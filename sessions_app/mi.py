"""The management interface: JSON-RPC 2.0 on /mi, as `opensips-cli -x mi` speaks it over HTTP.

Who may use it is a matter of :mod:`sessions_app.machines`. Content is JSON by its name, too, as opensips-cli sends it:
a web page cannot send that to another origin without asking first (Fetch s3.2.1), and nobody answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from sessions_app import commands, json_text, subscriptions
from sessions_app.machines import for_machines
from sessions_app.models import GatewaySession, Node, NodeCommand

MAX_BODY: Final = 64 * 1024
MAX_BATCH: Final = 50
PATIENCE: Final = 2.0
"""Seconds that an end waits for its result."""
NODE_SILENCE: Final = timedelta(seconds=60)

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
NO_SUCH_SESSION, END_FAILED = 404, 500


class MiError(Exception):
    """What a request is answered with instead of a result."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(message)
        self.error: dict[str, Any] = {"code": code, "message": message}
        if data:
            self.error["data"] = data


# ------------------------------------------------------------------------------------------------------------- methods


def which(command: str = "") -> list[Any]:
    """The methods, or with ``command`` the sets of parameters that this one takes."""
    if not command:
        return sorted(METHODS)
    if command not in METHODS:
        raise MiError(METHOD_NOT_FOUND, "Method not found", command)
    return [list(METHODS[command][1])]


def list_sessions() -> list[dict[str, Any]]:
    """Every session that is live or being set up, oldest first.

    ``msg_side_*`` is what a MESSAGE to the message side carries; the names are those of OpenSIPS.
    """
    sessions = GatewaySession.objects.filter(ended_at=None).defer("dialog").order_by("created_at", "id")
    return [_session(session) for session in sessions.iterator(chunk_size=2000)]


def _session(session: GatewaySession) -> dict[str, Any]:
    if session.initiator == GatewaySession.Initiator.MESSAGE:  # the way back is the mirror of the MESSAGE
        sender, target, ruri = session.to_uri, session.from_uri, session.from_uri
    else:
        sender, target, ruri = session.from_uri, session.to_uri, session.ruri
    return {
        "key": session.key,
        "msg_side_from": sender,
        "msg_side_to": target,
        "msg_side_ruri": ruri,
        "msrp_ua_session_id": str(session.id),
        "state": session.state,
        "initiator": session.initiator,
        "node": session.node,
        "to_msrp": session.to_msrp,
        "to_page": session.to_page,
        "undelivered": session.undelivered,
        "created": _moment(session.created_at),
        "last_message": _moment(session.last_message_at),
        "last_send": _moment(session.last_send_at),
    }


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def end_session(key: str) -> str:
    """End the live session of a key; "OK" once its process has done so, or has been told and takes its time."""
    session = GatewaySession.objects.filter(key=key, ended_at=None).first()
    if session is None:
        raise MiError(NO_SUCH_SESSION, "Session doesn't exist", key)
    command = commands.end_session(session, by="mi")
    result = _result(command)
    if result not in ("", "ended"):
        raise MiError(END_FAILED, "Unable to end session", result)
    return "OK"


def _result(command: NodeCommand) -> str:
    """What became of a command; empty if that is not known in time."""
    alive = Node.objects.filter(
        name=command.node, stopped_at=None, heartbeat_at__gte=timezone.now() - NODE_SILENCE
    ).exists()
    deadline = time.monotonic() + PATIENCE if alive else 0
    while time.monotonic() < deadline:
        command.refresh_from_db(fields=["done_at", "result"])
        if command.done_at is not None:
            return command.result
        time.sleep(0.02)
    return ""


def event_subscribe(event: str, socket: str, expire: str | int = 3600) -> str:
    """Send ``event`` to ``udp:host:port`` for ``expire`` seconds; 0 ends that."""
    try:
        subscriptions.subscribe(event, socket, str(expire))
    except ValueError as why:
        raise MiError(INVALID_PARAMS, "Invalid params", str(why))
    return "OK"


def events_list() -> dict[str, Any]:
    """Names of the events that there are."""
    return {"Events": [{"name": name} for name in subscriptions.EVENTS]}


def subscribers_list(event: str = "") -> dict[str, Any]:
    """Who has asked for which event."""
    return {
        "Subscribers": [
            {"event": row.event, "socket": f"udp:{row.host}:{row.port}", "expires": _moment(row.expires_at)}
            for row in subscriptions.current(event)
        ]
    }


METHODS: Final[dict[str, tuple[Callable[..., Any], tuple[str, ...], int]]] = {
    "which": (which, ("command",), 0),
    "msrp_gw_list_sessions": (list_sessions, (), 0),
    "msrp_gateway:list_sessions": (list_sessions, (), 0),
    "msrp_gw_end_session": (end_session, ("key",), 1),
    "msrp_gateway:end_session": (end_session, ("key",), 1),
    "event_subscribe": (event_subscribe, ("event", "socket", "expire"), 2),
    "events_list": (events_list, (), 0),
    "subscribers_list": (subscribers_list, ("event",), 0),
}
"""For each method its function, its parameters' names in order, and how many of them must be there."""

# ------------------------------------------------------------------------------------------------------------ JSON-RPC


@for_machines("mi_networks", "mi_token")
@require_POST
def mi(request: HttpRequest) -> HttpResponse:
    """One request or a batch; nothing but notifications: 204 and no body."""
    if request.content_type != "application/json":
        return HttpResponse("Content-Type is application/json.\n", status=415, content_type="text/plain")
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > MAX_BODY or len(request.body) > MAX_BODY:
        return _reply(_failed(None, MiError(INVALID_REQUEST, "Invalid Request", f"more than {MAX_BODY} octets")), 413)
    try:
        asked = json_text.read(request.body)
    except ValueError:
        return _reply(_failed(None, MiError(PARSE_ERROR, "Parse error")))
    if not isinstance(asked, list):
        answer = _answer(asked)
        return HttpResponse(status=204) if answer is None else _reply(answer)
    if not asked or len(asked) > MAX_BATCH:
        return _reply(_failed(None, MiError(INVALID_REQUEST, "Invalid Request", f"a batch has 1 to {MAX_BATCH}")))
    answers = [answer for answer in map(_answer, asked) if answer is not None]
    return _reply(answers) if answers else HttpResponse(status=204)


def _reply(answer: Any, status: int = 200) -> JsonResponse:
    return JsonResponse(answer, safe=False, status=status)


def _failed(identity: Any, error: MiError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": error.error, "id": identity}


def _answer(asked: Any) -> dict[str, Any] | None:
    """The response object for a request object; None for a notification (JSON-RPC 2.0 s4.1)."""
    if not _well_formed(asked):
        return _failed(None, MiError(INVALID_REQUEST, "Invalid Request"))
    identity = asked.get("id")
    try:
        result = _call(asked["method"], asked.get("params"))
    except MiError as error:
        return _failed(identity, error) if "id" in asked else None
    return {"jsonrpc": "2.0", "result": result, "id": identity} if "id" in asked else None


def _well_formed(asked: Any) -> bool:
    if not isinstance(asked, dict) or asked.get("jsonrpc") != "2.0" or not isinstance(asked.get("method"), str):
        return False
    identity = asked.get("id")
    return identity is None or (isinstance(identity, str | int | float) and not isinstance(identity, bool))


def _call(method: str, params: Any) -> Any:
    if method not in METHODS:
        raise MiError(METHOD_NOT_FOUND, "Method not found", method)
    function, names, least = METHODS[method]
    return function(**_arguments(params, names, least))


def _arguments(params: Any, names: tuple[str, ...], least: int) -> dict[str, str]:
    """Named or positional parameters as keyword arguments; all of them are strings."""
    if params is None:
        params = {}
    if isinstance(params, list):
        if len(params) > len(names):
            raise MiError(INVALID_PARAMS, "Invalid params", f"at most {len(names)}")
        params = dict(zip(names, params, strict=False))
    if not isinstance(params, dict):
        raise MiError(INVALID_PARAMS, "Invalid params", "an object or an array")
    unknown = sorted(set(params) - set(names))
    if unknown:
        raise MiError(INVALID_PARAMS, "Invalid params", f"unknown: {unknown[0]}")
    missing = [name for name in names[:least] if name not in params]
    if missing:
        raise MiError(INVALID_PARAMS, "Invalid params", f"missing: {missing[0]}")
    for name, value in params.items():
        number = name == "expire" and isinstance(value, int) and not isinstance(value, bool)
        if not number and (not isinstance(value, str) or "\0" in value):
            raise MiError(INVALID_PARAMS, "Invalid params", f"{name} is not a string")
    return params
