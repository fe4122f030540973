"""The chart as Helm renders it.

Helm runs in a process of its own, since Go's runtime, which is in it, takes over the handling of signals.
"""

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "deploy/helm/carousel"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
KEYS = {"stateKeys": {"existingSecret": "keys"}, "apiKeys": {"existingSecret": "keys"}}
"""The values that the chart can't do without."""
Document = dict[str, Any]


class Refused(Exception):
    """Helm refuses the values; the message is Helm's."""


@cache
def _helm() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def lint(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Helm's findings, each with a severity: 1 for information, 2 a warning, 3 an error."""
    return _helm().submit(_lint, values).result()


def render(values: dict[str, Any], name: str = "test", namespace: str = "texts") -> list[Document]:
    """All documents. Raises Refused where values don't meet the schema, or a template refuses them."""
    files = _helm().submit(_render, values, name, namespace).result()
    if isinstance(files, str):
        raise Refused(files)
    manifests = [text for file, text in sorted(files.items()) if file.endswith(".yaml")]
    return [document for text in manifests for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Values as Helm merges several files: later ones win, maps are merged."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else deepcopy(value)
    return result


def nested(path: str, value: Any) -> dict[str, Any]:
    """{"a": {"b": value}} of "a.b"."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    return [document for document in documents if document["kind"] == kind]


def container(deployment: Document) -> dict[str, Any]:
    return dict(deployment["spec"]["template"]["spec"]["containers"][0])


def environment(deployment: Document) -> dict[str, Any]:
    """The variables of the container: their values, or where they come from."""
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container(deployment)["env"]}


def leaves(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all values that are no group of others."""
    for key, value in values.items():
        inner = schema["properties"][key]
        if "properties" in inner:
            yield from leaves(value, inner, f"{path}{key}.")
        else:
            yield path + key


def _lint(values: dict[str, Any]) -> list[dict[str, Any]]:
    import helm_python

    report = helm_python.lint(CHART, values, strict=True)
    return [*report["messages"], *({"severity": 3, "error": error} for error in report["errors"])]


def _render(values: dict[str, Any], name: str, namespace: str) -> dict[str, str] | str:
    import helm_python

    with helm_python.Chart.load(CHART) as chart:
        try:
            return chart.render(values, name=name, namespace=namespace)
        except helm_python.HelmError as error:  # its class takes arguments that pickle does not know
            return str(error)
