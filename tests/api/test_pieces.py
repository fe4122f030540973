"""A reply in pieces is the JSON that pydantic writes of the whole."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from app.http.pieces import CHUNK_BYTES, chunks, json_pieces
from app.http.schemas.classify import ClassifyReply, ClassifyResult, TokenContribution
from app.http.schemas.generate import GenerateChoice, GeneratedToken, GenerateReply, TokenLogprob, Usage
from app.http.schemas.huggingface import Details, GeneratedText, Token
from app.http.schemas.inspect import InspectedUnit, InspectReply
from app.http.schemas.models import TokenSpan
from app.http.schemas.openai import Completion, CompletionChoice, Logprobs
from app.http.schemas.vectorize import TextVectors, VectorizeReply, WordCount

TOP = [TokenLogprob(id=index, text='ç"\n😀', logprob=-1e-7 * index) for index in range(3)]
TOKENS = [GeneratedToken(id=index, text=f"t{index}", logprob=-1.5, top=TOP) for index in range(150)]
USAGE = Usage(prompt_tokens=1, generated_tokens=2)
PARTS = [TokenContribution.model_validate({"token": "a", "start": 0, "end": 1, "contribution": 0.1})] * 200
JUDGED: dict[str, Any] = {"label": "good", "score": 0.75, "scores": {"good": 0.75, "bad": 0.25}}
RESULT, EXPLAINED = ClassifyResult(**JUDGED), ClassifyResult(**JUDGED, explanation=PARTS, bias=0.0, logit=1.0)
SERIES = {name: [0.123456, -1.0] for name in ("input", "forget", "candidate", "output", "cell", "hidden")}
HF_TOKEN = Token(id=1, text="a", logprob=None, special=False)
DETAILS = Details(
    finish_reason="length", generated_tokens=1, seed=0, tokens=[HF_TOKEN] * 70, top_tokens=[[HF_TOKEN]] * 70
)
LOGPROBS = Logprobs(
    tokens=["a"] * 90,
    token_logprobs=[None] + [-0.5] * 89,
    top_logprobs=[None] + [{"a": -0.5}] * 89,
    text_offset=list(range(90)),
)
REPLIES: list[Any] = [
    GenerateReply(
        model="m",
        choices=[GenerateChoice(index=0, text="a", finish_reason="end", tokens=TOKENS)],
        usage=USAGE,
        seed=1,
    ),
    GenerateReply(model="m", choices=[], usage=USAGE, seed=1, state=None),
    ClassifyReply(model="m", results=[EXPLAINED] * 2),
    ClassifyReply(model="m", results=[RESULT] * 100),
    InspectReply(
        model="m",
        cells="lstm",
        layer=0,
        layers=1,
        hidden=2,
        direction="forward",
        directions=["forward"],
        tokens=[TokenSpan(id=1, text="a", start=0, end=1)] * 99,
        change=[0.00004],
        units=[InspectedUnit(unit=0, change=0.5, start_cell=-1.5, start_hidden=0.123456, **SERIES)],
    ),
    Completion(
        id="c",
        created=0,
        model="m",
        system_fingerprint="f",
        choices=[CompletionChoice(text="a", index=0, logprobs=LOGPROBS)],
    ),
    [GeneratedText(generated_text="a", details=DETAILS)] * 3,
    [],
]
VECTORS = TextVectors(
    words=["a"] * 80,
    indices=[0] * 80,
    one_hot=[[1, 0]] * 80,
    bag=[80, 0],
    counts=[WordCount(index=0, word="a", count=80)],
)


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
def test_pieces_are_the_whole(reply: Any) -> None:
    schema = TypeAdapter(list[GeneratedText] if isinstance(reply, list) else type(reply))
    assert b"".join(json_pieces(reply, exclude_unset=True)) == schema.dump_json(reply, exclude_unset=True)


def test_nulls_can_be_left_out() -> None:
    reply = VectorizeReply(model=None, size=2, vocabulary=["a", "b"], texts=[VECTORS])
    assert b"".join(json_pieces(reply, exclude_none=True)).decode() == reply.model_dump_json(exclude_none=True)


def test_pieces_are_short() -> None:
    long = ClassifyResult(**JUDGED, explanation=PARTS * 500)
    pieces = list(json_pieces(ClassifyReply(model="m", results=[long]), exclude_unset=True))
    assert max(map(len, pieces)) < CHUNK_BYTES
    joined = chunks(pieces)
    assert json.loads(b"".join(joined)) == json.loads(b"".join(pieces))
    assert all(CHUNK_BYTES <= len(chunk) < 2 * CHUNK_BYTES for chunk in joined[:-1])
