"""What the OpenAPI document says beyond what the views know.

Problems have a media type of their own, filters their bounds, every operation an example, and the stream of events,
which is no view of REST framework's, its place.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from drf_spectacular.authentication import BasicScheme
from drf_spectacular.contrib.django_filters import DjangoFilterExtension

from sessions_app import events
from sessions_app.api.examples import EXAMPLES
from sessions_app.api.serializers import NO_NUL

_ANYWHERE: Final = {"401": "Who are you?", "403": "Not permitted.", "429": "Too many requests."}
_SEARCH: Final = r"^\s*(?:[^\s\u0000][^\u0000]{%d,%d}[^\s\u0000])?\s*$"


class Bounds(DjangoFilterExtension):  # type: ignore[no-untyped-call]
    """Filters with what their form fields refuse: length, least and most, a NUL."""

    target_class = "sessions_app.api.views.KeepsOrder"
    priority = 1

    def resolve_filter_field(self, *arguments: Any) -> Any:
        """The library's, and the bounds."""
        described = super().resolve_filter_field(*arguments)
        field = arguments[-1].field
        for parameter in described:
            _bound(parameter["schema"], field)
            if isinstance(field, forms.ModelChoiceField):
                parameter["description"] = f"{field.label}: its name. 404 where there is none."
        return described


class OurBasicScheme(BasicScheme):  # type: ignore[no-untyped-call]
    """Ours is described as the library's is."""

    target_class = "sessions_app.api.authentication.BasicAuthentication"


def _bound(schema: dict[str, Any], field: Any) -> None:
    if isinstance(field, forms.DecimalField):
        schema |= {
            name: int(value)
            for name, value in (("minimum", field.min_value), ("maximum", field.max_value))
            if value is not None
        }
    elif isinstance(field, forms.ModelChoiceField):
        schema |= {"minLength": 1, "pattern": NO_NUL}
    elif "" in schema.get("enum", ()):
        schema["enum"] = [choice for choice in schema["enum"] if choice]
    elif type(field) is forms.CharField:
        short, long = field.min_length, field.max_length
        schema["pattern"] = _SEARCH % (short - 2, long - 2) if short and long else NO_NUL


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The hook of SPECTACULAR_SETTINGS."""
    for path, item in result["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                _finish(path, method, operation)
    for name in ("SendByRoute", "SendIntoSession"):
        result["components"]["schemas"][name]["additionalProperties"] = False
    result["paths"]["/api/v1/events/"] = {"get": _EVENTS}
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if operation.get("security") != [{}]:
        for status, words in _ANYWHERE.items():
            responses.setdefault(status, {"description": words})
    queried = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    if operation.get("requestBody") or queried:
        responses.setdefault("400", {"description": "Not valid."})
    if "{" in path or "cursor" in queried:
        responses.setdefault("404", {"description": "There is none."})
    for status, response in responses.items():
        if status[0] in "45":
            response["content"] = _problem(int(status))
        if not response["description"]:
            response["description"] = "As asked."
    if method == "get" and path != "/api/v1/token/":
        responses.setdefault("304", {"description": "As If-None-Match said."})
    if operation["operationId"] == "messages_create":
        operation["requestBody"]["required"] = True
    for content in (operation.get("requestBody", {}), *responses.values()):
        for described in content.get("content", {}).values():
            _exemplify(described)


def _exemplify(described: dict[str, Any]) -> None:
    name = described.get("schema", {}).get("$ref", "").rpartition("/")[2]
    if name in EXAMPLES and not described.keys() & {"example", "examples"}:
        described["example"] = EXAMPLES[name]
    elif name.startswith("Paginated"):
        row = EXAMPLES.get(name.removeprefix("Paginated").removesuffix("List"))
        if row is not None:
            described["example"] = {"next": None, "previous": None, "results": [row]}


def _problem(status: int) -> dict[str, Any]:
    from sessions_app.api.problems import MEDIA_TYPE, problem

    return {
        MEDIA_TYPE: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": problem(status, EXAMPLES["problems"].get(status, "It says what is wrong.")),
        }
    }


_EVENTS: Final[dict[str, Any]] = {
    "operationId": "events_stream",
    "summary": "Events as they happen",
    "description": "A stream of server-sent events that does not end: each has the event's name, its id, and as data a "
    "JSON object with `event`, `id`, `at`, `node` and what is known of it. After an event `skipped` some of the "
    "delivered messages were not told: `number` says how many. No event has a body.",
    "tags": ["events"],
    "security": [{"tokenAuth": []}, {"cookieAuth": []}, {"basicAuth": []}],
    "parameters": [
        {
            "name": "event",
            "in": "query",
            "description": "Only events of this name; may be repeated.",
            "schema": {"type": "array", "items": {"type": "string", "enum": list(events.NAMES)}},
            "style": "form",
            "explode": True,
        }
    ],
    "responses": {
        "200": {
            "description": "Events, one after the other.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLES["stream"]}},
        },
        **{
            str(status): {"description": words, "content": _problem(status)}
            for status, words in ((400, "No such event."), (401, "Who are you?"), (403, "Not permitted."))
        },
    },
}
