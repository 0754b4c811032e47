"""What the OpenAPI document says beyond what the views know: problems have a media type of their own."""

from __future__ import annotations

from typing import Any


def problems_as_problem_json(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every error is application/problem+json; a 401 and a 429 may come from anywhere."""
    for item in result["paths"].values():
        for operation in item.values():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            responses = operation["responses"]
            anywhere = {"401": "Who are you?", "403": "Not permitted.", "429": "Too many requests."}
            if "/schema" in operation.get("operationId", "") or operation.get("operationId", "").startswith("schema"):
                anywhere = {}
            if operation.get("requestBody") or any(each["in"] == "query" for each in operation.get("parameters", [])):
                anywhere["400"] = "Not valid."
            if "{" in next(iter(_path_of(result, item)), ""):
                anywhere["404"] = "There is none."
            for status, words in anywhere.items():
                responses.setdefault(status, {"description": words, "content": _problem()})
            for status, response in responses.items():
                if status[0] in "45":
                    response["content"] = _problem()
            if "get" in item and operation is item["get"]:
                responses.setdefault("304", {"description": "As If-None-Match said."})
    return result


def _path_of(result: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [path for path, item in result["paths"].items() if item is wanted]


def _problem() -> dict[str, Any]:
    return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
