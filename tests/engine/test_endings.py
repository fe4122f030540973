"""No text ends before it has a visible character, whatever the model, its precision and the way of sampling."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.catalog.registry import Registry, Served
from app.catalog.registry import serve as serve_model
from app.engine.jobs import Choice, GenerateJob, Generation
from models import checkpoint
from models.counted.ngram import METHODS, Ngram
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.sampling import SamplingConfig
from models.text.tokenizers import SubwordTokenizer, WordPunctTokenizer
from models.text.visibility import Visibility
from tests.conftest import SENTENCES, TRAINING, save_tiny
from tests.engine.conftest import Driver, MakeDriver

pytestmark = pytest.mark.anyio
KINDS = ["lstm int8", "gru int8", "rnn int8", "lstm float32", METHODS[0], METHODS[1]]
SAMPLINGS = [
    SamplingConfig(1.0),
    SamplingConfig(0),
    SamplingConfig(0.05),
    SamplingConfig(1.0, top_k=3),
    SamplingConfig(1.0, top_p=0.5),
    SamplingConfig(1.0, typical_p=0.4),
    SamplingConfig(1.0, repetition_penalty=1.5, presence_penalty=0.5, frequency_penalty=0.5),
    SamplingConfig(1.0, logit_bias=((0, 50.0),)),
]


def saved(folder: Path, kind: str, tokenizer: SubwordTokenizer) -> Served:
    """A model that likes to end its texts, and to write white space."""
    if kind in METHODS:
        words = WordPunctTokenizer.train(SENTENCES, 1000, "en")
        stream = np.array([0, *(token for text in SENTENCES for token in (*words.encode(text), 0))])
        model = Ngram.count(stream, 3, words.size, 0, kind)
        checkpoint.save(folder, model, {}, words, ("en",), TRAINING, {"evaluations": []}, "# a card")
        return serve_model(checkpoint.load(folder), "float32")
    cell, precision = kind.split()
    torch.manual_seed(4)
    network = LanguageModel(LanguageModelConfig(tokenizer.size, embedding=12, hidden=16, cell=cell))
    with torch.no_grad():
        network.bias[0] += 9.0
        for token in range(tokenizer.size):
            if tokenizer.surface(token) in (b" ", b"\n", b"\xc2", b"\xa0"):
                network.bias[token] += 7.0
    save_tiny(folder, network, tokenizer, "en")
    return serve_model(checkpoint.load(folder), precision)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, tokenizer: SubwordTokenizer) -> dict[str, Served]:
    folder = tmp_path_factory.mktemp("endings")
    return {kind: saved(folder / f"language-{number}", kind, tokenizer) for number, kind in enumerate(KINDS)}


@pytest.fixture
def driver(make_driver: MakeDriver, models: dict[str, Served]) -> Driver:
    return make_driver(Registry(models.values(), torch.device("cpu")))


def job(seed: int, sampling: SamplingConfig, **changes: Any) -> GenerateJob:
    prompt = ["the man sees the dog.", "a good film ", "", "the man"][seed % 4]
    return replace(GenerateJob(prompt, 12, sampling, seed), **changes)


async def run(driver: Driver, work: GenerateJob, served: Served) -> Generation:
    ticket = await driver.submit(work, model=served)
    await driver.finish()
    result: Generation = driver.result(ticket)
    return result


def is_visible(text: str) -> bool:
    return any(char.isprintable() and not char.isspace() for char in text)


def check(choice: Choice) -> None:
    assert is_visible(choice.text) or choice.finish_reason == "length"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_text_that_ends_has_a_visible_character(driver: Driver, models: dict[str, Served], kind: str) -> None:
    """Alone, beside others, as one of several choices and with its prompt scored: the same text."""
    works = [job(seed, sampling, choices=1 + seed % 2) for seed in range(6) for sampling in SAMPLINGS]
    tickets = [await driver.submit(work, model=models[kind]) for work in works]
    await driver.finish()
    results: list[Generation] = [driver.result(ticket) for ticket in tickets]
    for result in results:
        for choice in result.choices:
            check(choice)
    assert any(choice.finish_reason == "end" for result in results for choice in result.choices)
    for work, together in zip(works[::5], results[::5], strict=True):
        assert (await run(driver, work, models[kind])).choices == together.choices
        scored = await run(driver, replace(work, scored=True, score_prompt=True), models[kind])
        assert [choice.text for choice in scored.choices] == [choice.text for choice in together.choices]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sampling", SAMPLINGS[:4])
async def test_in_pieces_it_ends_where_it_does_in_one(
    driver: Driver, models: dict[str, Served], kind: str, sampling: SamplingConfig
) -> None:
    """Whether there was a visible character is part of the state: a later piece may be empty, the whole is not."""
    for seed in range(6):
        whole = (await run(driver, job(seed, sampling), models[kind])).choices[0]
        text, snapshot = "", None
        for size in (1, 2, 1, 3, 5):
            work = job(seed, sampling, max_new_tokens=size, snapshot=snapshot, return_snapshot=True)
            result = await run(driver, replace(work, prompt=work.prompt if snapshot is None else ""), models[kind])
            text, snapshot = text + result.choices[0].text, result.snapshot
            if result.choices[0].finish_reason == "end":
                break
        assert result.choices[0].finish_reason == whole.finish_reason
        # an incomplete character at the end of a request is held back
        assert text == whole.text or (whole.finish_reason == "length" and whole.text.removesuffix("\ufffd") == text)
        again = await run(driver, job(seed, sampling, prompt="", snapshot=snapshot), models[kind])
        if whole.finish_reason == "end":  # what follows an end is another text
            check(again.choices[0])


@pytest.mark.parametrize("kind", KINDS)
async def test_scores_are_the_models_own(driver: Driver, models: dict[str, Served], kind: str) -> None:
    """The end keeps its probability among the likeliest tokens, though it can't be sampled."""
    result = await run(driver, job(3, SamplingConfig(0), scored=True, top_logprobs=3), models[kind])
    first = result.choices[0].tokens[0]
    scored = job(3, SamplingConfig(0), scored=True, score_prompt=True, top_logprobs=3, min_new_tokens=0)
    likeliest = (await run(driver, scored, models[kind])).choices[0].tokens[0].likeliest
    if kind == "lstm int8":
        assert likeliest == first.likeliest
    else:  # in float32 a step and a prompt's last token may differ in the last digit
        assert [entry[:2] for entry in likeliest] == [entry[:2] for entry in first.likeliest]
        assert [entry[2] for entry in likeliest] == pytest.approx([entry[2] for entry in first.likeliest], abs=1e-5)
    if kind.endswith("int8"):
        assert first.likeliest[0][0] == 0  # the end token, which is not what was generated
        assert first.id != 0


async def test_a_stop_string_may_empty_a_text(driver: Driver, models: dict[str, Served]) -> None:
    for seed in range(8):
        result = await run(driver, job(seed, SamplingConfig(1.0), stop=(" ", "\n")), models[KINDS[0]])
        assert is_visible(result.choices[0].text) or result.choices[0].finish_reason in ("stop", "length")


@pytest.mark.parametrize(
    ("pieces", "visible"),
    [
        ([b" ", b"\n", b""], False),
        ([b" ", b"a"], True),
        ([b"\xc2", b"\xa0"], False),  # a no-break space, byte by byte
        ([b"\xc3"], False),
        ([b"\xc3", b"\xa9"], True),
        ([b"\xe2\x80\x8b"], False),  # of no width
        ([b"\xff"], True),  # shown as the sign for what is no character
    ],
)
def test_visibility(pieces: list[bytes], visible: bool) -> None:
    visibility = Visibility()
    for piece in pieces:
        visibility.push(piece)
    assert visibility.visible == visible
