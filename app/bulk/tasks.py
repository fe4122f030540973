"""The tasks of `carousel bulk`: a row's request, as a route would have it, and the columns that its reply becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.access.state_tokens import StateTokens
from app.catalog.registry import Registry
from app.http import operations
from app.http.operations.operation import Operation
from app.http.schemas.base import Request
from app.http.schemas.classify import ClassifyReply, ClassifyRequest
from app.http.schemas.generate import GenerateReply, GenerateRequest
from app.http.schemas.next_word_probs import NextWordReply, NextWordRequest
from app.http.schemas.summarize import SummarizeReply, SummarizeRequest
from app.http.schemas.translate import TranslateReply, TranslateRequest

Kind = Literal["text", "float", "bool", "int", "json"]
"""What a column of answers holds; json is a list or an object."""
Answer = dict[str, Any]
"""The columns of an answer, without their prefix."""


@dataclass(frozen=True)
class Task:
    """field is that of a row's text in a request; usual are the columns of a file that may be meant by it.

    answer makes a row's columns of the reply to a request with its text alone, columns says which these are for a
    body's options, and line makes of them the line of a .txt file.
    """

    name: str
    models: str
    schema: type[Request]
    field: str
    usual: tuple[str, ...]
    operation: Callable[[Any, Registry, StateTokens], Operation[Any]]
    answer: Callable[[Any, Any], Answer]
    columns: Callable[[Any], dict[str, Kind]]
    line: Callable[[Answer], str]


def _classify_columns(body: ClassifyRequest) -> dict[str, Kind]:
    explained: dict[str, Kind] = {"explanation": "json", "bias": "float", "logit": "float"} if body.explain else {}
    return {"label": "text", "score": "float", "scores": "json", **explained, "model": "text"}


def _classified(body: ClassifyRequest, reply: ClassifyReply) -> Answer:
    result = reply.results[0].model_dump(exclude_unset=True)
    return {name: result.get(name, reply.model) for name in _classify_columns(body)}


def _translate_columns(body: TranslateRequest) -> dict[str, Kind]:
    columns: dict[str, Kind] = {
        "text": "text",
        "source": "text",
        "target": "text",
        "score": "float",
        "quality": "float",
        "unchanged": "bool",
    }
    if body.alternatives:
        columns["alternatives"] = "json"
    return {**columns, "model": "text"}


def _translated(body: TranslateRequest, reply: TranslateReply) -> Answer:
    result = reply.results[0]
    answer = {
        "text": result.text,
        "source": result.detected.language if result.detected else reply.source,
        "target": reply.target,
        "score": result.score,
        "quality": result.quality,
        "unchanged": bool(result.unchanged),
        "alternatives": result.alternatives,
        "model": reply.model,
    }
    return {name: answer[name] for name in _translate_columns(body)}


def _summarize_columns(body: SummarizeRequest) -> dict[str, Kind]:
    words: dict[str, Kind] = {"words": "json"} if body.words else {}
    return {
        "summary": "text",
        "score": "float",
        "finish_reason": "text",
        "read_characters": "int",
        **words,
        "model": "text",
    }


def _summarized(body: SummarizeRequest, reply: SummarizeReply) -> Answer:
    result = reply.results[0].model_dump(exclude_unset=True)
    return {name: result.get(name, reply.model) for name in _summarize_columns(body)}


def _generate_columns(body: GenerateRequest) -> dict[str, Kind]:
    text: dict[str, Kind] = {"text": "text", "finish_reason": "text"} if body.n == 1 else {"choices": "json"}
    return {**text, "seed": "int", "model": "text"}


def _generated(body: GenerateRequest, reply: GenerateReply) -> Answer:
    choices = [choice.model_dump(exclude_unset=True) for choice in reply.choices]
    answer = {**choices[0], "choices": choices, "seed": reply.seed, "model": reply.model}
    return {name: answer[name] for name in _generate_columns(body)}


def _next_columns(_: NextWordRequest) -> dict[str, Kind]:
    return {"next": "json", "other": "float", "model": "text"}


def _next_words(_: NextWordRequest, reply: NextWordReply) -> Answer:
    return {
        "next": [word.model_dump(exclude_unset=True) for word in reply.next],
        "other": reply.other,
        "model": reply.model,
    }


def _generated_line(answer: Mapping[str, Any]) -> str:
    texts = [answer["text"]] if "text" in answer else [choice["text"] for choice in answer["choices"]]
    return "\t".join(text.replace("\t", " ") for text in texts)


TASKS = {
    task.name: task
    for task in (
        Task(
            "classify",
            "classifier",
            ClassifyRequest,
            "text",
            ("text",),
            lambda body, registry, _: operations.classify(body, registry),
            _classified,
            _classify_columns,
            lambda answer: str(answer["label"]),
        ),
        Task(
            "translate",
            "translator",
            TranslateRequest,
            "text",
            ("text", "source"),
            lambda body, registry, _: operations.translate(body, registry),
            _translated,
            _translate_columns,
            lambda answer: str(answer["text"]),
        ),
        Task(
            "summarize",
            "summarizer",
            SummarizeRequest,
            "text",
            ("text",),
            lambda body, registry, _: operations.summarize(body, registry),
            _summarized,
            _summarize_columns,
            lambda answer: str(answer["summary"]),
        ),
        Task(
            "generate",
            "language",
            GenerateRequest,
            "prompt",
            ("prompt", "text"),
            operations.generate,
            _generated,
            _generate_columns,
            _generated_line,
        ),
        Task(
            "next",
            "language",
            NextWordRequest,
            "text",
            ("text", "prompt"),
            operations.next_word_probs,
            _next_words,
            _next_columns,
            lambda answer: "\t".join(word["word"] for word in answer["next"]),
        ),
    )
}
