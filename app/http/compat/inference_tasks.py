"""What a model's task is in the Open Inference Protocol: a native request, and the tensors that its reply becomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.access.state_tokens import StateTokens
from app.catalog.registry import Registry, Served
from app.errors import InvalidRequest, NoModel
from app.http import operations
from app.http.operations.operation import Operation
from app.http.schemas.base import is_blank
from app.http.schemas.classify import ClassifyRequest
from app.http.schemas.generate import GenerateRequest
from app.http.schemas.limits import limited
from app.http.schemas.summarize import SummarizeRequest
from app.http.schemas.translate import TranslateRequest
from app.settings import Settings

ELSEWHERE = {"image": "/draw", "captioner": "/describe", "recognizer": "/transcribe", "speaker": "/speak"}
"""The routes of tasks that have no tensors of texts on both sides."""
OF_PROTOCOL = {"binary_data_output", "priority", "sequence_end", "sequence_id", "sequence_start", "timeout"}
"""Parameters that Triton's client sends to any model: they change nothing of a task."""


@dataclass(frozen=True)
class Output:
    """An output tensor. read makes of a native reply its elements, one for each text, or a list of them for each."""

    name: str
    datatype: Literal["BYTES", "FP32"]
    read: Callable[[Any], Sequence[Any]]
    is_labelled: bool = False
    """Whether its last dimension is that of the classifier's labels."""


@dataclass(frozen=True)
class Task:
    """A native request, the field of its texts, one or all, and which of its other fields are parameters here."""

    request: type[BaseModel]
    field: Literal["text", "prompt"]
    parameters: tuple[str, ...]
    outputs: tuple[Output, ...]
    batched: bool = True
    """Whether one request takes all texts."""


TASKS = {
    "classifier": Task(ClassifyRequest, "text", (), (
        Output("label", "BYTES", lambda reply: [result.label for result in reply.results]),
        Output("score", "FP32", lambda reply: [result.score for result in reply.results]),
        Output("scores", "FP32", lambda reply: [list(result.scores.values()) for result in reply.results], True),
    )),
    "translator": Task(TranslateRequest, "text", ("source", "target", "format", "beam_size", "length_penalty"), (
        Output("translation_text", "BYTES", lambda reply: [result.text for result in reply.results]),
        Output("score", "FP32", lambda reply: [result.score for result in reply.results]),
    )),
    "summarizer": Task(SummarizeRequest, "text", ("max_new_tokens", "beam_size", "length_penalty"), (
        Output("summary_text", "BYTES", lambda reply: [result.summary for result in reply.results]),
        Output("score", "FP32", lambda reply: [result.score for result in reply.results]),
    )),
    "language": Task(
        GenerateRequest, "prompt",
        ("max_new_tokens", "min_new_tokens", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty",
         "stop", "seed"),
        (
            Output("generated_text", "BYTES", lambda reply: [choice.text for choice in reply.choices]),
            Output("finish_reason", "BYTES", lambda reply: [choice.finish_reason for choice in reply.choices]),
        ),
        batched=False,
    ),
}  # fmt: skip


def task_of(served: Served) -> Task:
    """Raises NoModel for a model of a task that the protocol has no tensors for."""
    if served.task not in TASKS:
        route = ELSEWHERE.get(served.task, "its own route")
        detail = f"the model is of the kind {served.kind}, which reads or makes files: use POST {route}"
        raise NoModel(detail, "model")
    return TASKS[served.task]


def operations_of(
    served: Served, texts: Sequence[str], parameters: Mapping[str, Any], registry: Registry, settings: Settings,
    tokens: StateTokens,
) -> list[Operation[Any]]:  # fmt: skip
    """The native operations for texts. Raises RequestValidationError, InvalidRequest or NoModel."""
    task = task_of(served)
    for index, text in enumerate(texts):
        if is_blank(text):
            raise InvalidRequest("it must hold something else than white space", f"text/{index}")
    fields = {"model": served.name, **_known(task, parameters)}
    if task.batched:
        return [_operation(_request(task, list(texts), fields, settings), registry, tokens)]
    return [
        _operation(_request(task, text, fields, settings, index), registry, tokens) for index, text in enumerate(texts)
    ]


def _known(task: Task, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a task, without nulls. Raises InvalidRequest for one that it does not have."""
    known = {}
    for name, value in parameters.items():
        if value is None:
            continue
        if name in task.parameters:
            known[name] = [value] if name == "stop" and isinstance(value, str) else value
        elif name not in {*task.parameters, *OF_PROTOCOL}:
            there_are = ", ".join(task.parameters) or "none"
            raise InvalidRequest(f"one of them is not a parameter of the model; there are {there_are}", "parameters")
    return known


def _request(task: Task, text: str | list[str], fields: Mapping[str, Any], settings: Settings, index: int = 0) -> Any:
    """A native request. Raises RequestValidationError, with places in the protocol's request."""
    try:
        return limited(task.request, settings)(**{task.field: text}, **fields)
    except ValidationError as error:
        raise RequestValidationError([_moved(entry, task, text, index) for entry in error.errors()]) from None


def _moved(entry: Any, task: Task, text: str | list[str], index: int) -> Any:
    """A validation error with its place in the protocol's request instead of that in the native one."""
    first, *rest = entry["loc"] or ("parameters",)
    place = ("parameters", first, *rest)
    if first == task.field:
        place = ("inputs", 0, "data", *(rest if isinstance(text, list) else (index,)))
    return {**entry, "loc": place}


def _operation(request: Any, registry: Registry, tokens: StateTokens) -> Operation[Any]:
    if isinstance(request, ClassifyRequest):
        return operations.classify(request, registry)
    if isinstance(request, TranslateRequest):
        return operations.translate(request, registry)
    if isinstance(request, SummarizeRequest):
        return operations.summarize(request, registry)
    return operations.generate(request, registry, tokens)
