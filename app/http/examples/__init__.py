"""The examples of the OpenAPI document: requests, and what the shipped models reply to them.

requests.json is written by hand; `python -m tests.api.record_examples` writes replies.json, and tests compare it with
what the shipped models answer. An example has the same name in both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
JSON, EVENTS = "application/json", "text/event-stream"


@dataclass(frozen=True)
class Example:
    """A request to an operation. body is None where there is none, or where it is not JSON."""

    name: str
    summary: str
    body: Any = None
    path: Mapping[str, str] = field(default_factory=dict)
    spoken: str = ""
    """Of an operation that takes a recording: the words on it."""
    form: Mapping[str, str] = field(default_factory=dict)
    """The fields of a form beside the recording."""

    @property
    def streams(self) -> bool:
        return isinstance(self.body, dict) and self.body.get("stream") is True


def examples_of(operation_id: str, first: Any) -> list[Example]:
    """All examples of an operation. first is that of its body's schema: the body of an example that names none."""
    made: dict[str, Example] = {}
    for name, written in _read("requests").get(operation_id, {}).items():
        base = made[written["base"]].body if "base" in written else {}
        body = base | written["body"] if "body" in written else None if "spoken" in written else first
        further = {key: written[key] for key in ("path", "spoken", "form") if key in written}
        made[name] = Example(name, written["summary"], body, **further)
    return list(made.values())


def replies_to(operation_id: str) -> dict[str, Any]:
    """By the examples' names: a reply's JSON; of a stream, its first and its last event."""
    replies: dict[str, Any] = _read("replies").get(operation_id, {})
    return replies


def add_examples(operation: dict[str, Any], first: Any) -> None:
    """Add its examples to an operation of an OpenAPI document; first is the example of its body's schema."""
    examples = examples_of(operation["operationId"], first)
    bodies = {one.name: {"summary": one.summary, "value": one.body} for one in examples if one.body is not None}
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if bodies and (media_type == JSON or "$ref" in content["schema"]):
            content["examples"] = bodies
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            _add_values(parameter, examples)
    replies = replies_to(operation["operationId"])
    content = operation["responses"].get("200", {}).get("content", {})
    plain, streamed = {}, {}
    for one in examples:
        if one.name in replies and one.streams:
            begin, end = replies[one.name]
            streamed[one.name] = {"summary": f"{one.summary}: the first event", "value": begin}
            streamed[f"{one.name}_end"] = {"summary": f"{one.summary}: the last event", "value": end}
        elif one.name in replies:
            plain[one.name] = {"summary": one.summary, "value": replies[one.name]}
    for media_type, values in ((JSON, plain), (EVENTS, streamed)):
        if values and media_type in content:
            content[media_type]["examples"] = values


def _add_values(parameter: dict[str, Any], examples: list[Example]) -> None:
    """Add the values that examples have for a parameter of the path: the first, and others of another value."""
    values: dict[str, dict[str, str]] = {}
    for one in examples:
        value = one.path[parameter["name"]]
        if value not in {entry["value"] for entry in values.values()}:
            values[one.name] = {"summary": one.summary, "value": value}
    parameter["examples"] = values


def _read(name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return values
