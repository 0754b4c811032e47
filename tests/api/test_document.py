"""The OpenAPI document as a generator of clients sees it: names, examples, errors."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from django.test import Client

VERBS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return Client().get("/api/schema/?format=json").json()


def operations(document):
    return [
        (f"{method.upper()} {path}", item[method])
        for path, item in document["paths"].items()
        for method in VERBS
        if method in item
    ]


def contents(document):
    """Every media type that a request or a response has: where, and what is said of it."""
    for name, operation in operations(document):
        for status, part in (("request", operation.get("requestBody", {})), *operation["responses"].items()):
            for kind, described in part.get("content", {}).items():
                yield f"{name} {status} {kind}", described


def test_every_operation_has_a_name_of_its_own_and_stands_with_its_kind(document):
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names)) > 15
    for name, operation in operations(document):
        assert operation["tags"] == [name.split("/")[3]], name
        assert operation.get("summary") or operation.get("description"), name


def test_every_request_and_answer_has_an_example(document):
    for where, described in contents(document):
        assert described.keys() & {"example", "examples"}, where


def test_every_example_is_what_its_schema_says(document):
    for where, described in contents(document):
        examples = [described["example"]] if "example" in described else []
        examples += [each["value"] for each in described.get("examples", {}).values()]
        schema = {**json_schema(described["schema"]), "components": json_schema(document["components"])}
        for example in examples:
            try:
                jsonschema.Draft202012Validator(schema).validate(example)
            except jsonschema.ValidationError as error:
                pytest.fail(f"{where}: {error.message} in {example}")


def json_schema(value):
    """OpenAPI 3.0's dialect: null is a word of its own there."""
    if isinstance(value, list):
        return [json_schema(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: json_schema(each) for name, each in value.items() if name != "nullable"}
    if value.get("nullable") is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def test_every_error_is_a_problem_and_those_that_may_come_are_declared(document):
    for name, operation in operations(document):
        responses = operation["responses"]
        errors = {status: each for status, each in responses.items() if status[0] in "45"}
        assert all(list(each["content"]) == ["application/problem+json"] for each in errors.values()), name
        assert any(status.startswith("2") for status in responses), name
        assert "401" in errors, name
        if "{" in name or "cursor" in {each["name"] for each in operation.get("parameters", [])}:
            assert "404" in errors, name
        if operation.get("requestBody"):
            assert "400" in errors, name
