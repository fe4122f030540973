"""A sentence is translated in parts only when no translation of the whole keeps what it must."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from app.catalog.registry import Registry
from app.engine.jobs import SentenceEvent, TranslateJob
from app.engine.lanes.translate import EncodeQueue
from app.errors import InvalidRequest
from models.decoding.beam_search import SearchConfig, searched, source_ids, translate
from models.quality import features, load_quality
from models.text.front import Sentence, prepare
from models.text.known_words import KnownWords, parts
from tests.engine.conftest import Driver, MakeDriver
from tests.helpers import QUALITY, Wrapped, wrapped
from trainer.evaluation.translation import translate_passages

pytestmark = pytest.mark.anyio
TEXTS = (
    "the man sees 12 dogs and 7 films. very bad",
    "a good film",
    "We pay 1,250.50 for {name} on 3 days! the dog sees https://example.org now.",
    "42",
    "the man, 5 dogs (7 films), a film 8",
)
"""The tiny model, untrained, keeps no two numbers: such a sentence comes out in parts."""


class Counting(Wrapped):
    """A runtime that records how long the sources are that it encodes, and fails at one of these lengths."""

    def __init__(self, runtime: Any, lengths: list[int], bad: int = -1) -> None:
        super().__init__(runtime)
        self._lengths, self._bad = lengths, bad

    def encode(self, source: Any) -> Any:
        lengths = source.mask.sum(dim=1).tolist()
        if self._bad in lengths:
            raise RuntimeError("a bad source")
        self._lengths += lengths
        return self._runtime.encode(source)


def job(*texts: str, **changes: Any) -> TranslateJob:
    return TranslateJob(texts, "tr", **{"beam_size": 2, "length_penalty": 1.0, **changes})


def expected(registry: Registry, text: str) -> str:
    """The translation with all inputs searched beforehand."""
    served = registry.get("translation-en-tr")
    model: Any = served.checkpoint.model
    parts = []
    for part in prepare(text, "en").parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        sources = [source_ids(model, served.tokenizer, text, "tr") for text in part.inputs()]
        with torch.inference_mode():
            beams = translate(served.runtime, sources, served.tokenizer.end_id, SearchConfig(2))  # type: ignore[arg-type]
        parts.append(part.render([[served.tokenizer.decode(one.ids) for one in beam] for beam in beams], "tr"))
    return "".join(parts)


async def solo(driver: Driver, text: TranslateJob) -> Any:
    ticket = await driver.submit(text)
    await driver.finish()
    return driver.result(ticket)


async def test_the_result_is_that_of_searching_everything_beforehand(
    make_driver: MakeDriver, registry: Registry
) -> None:
    driver = make_driver(max_rows=6)
    tickets = [await driver.submit(job(*TEXTS[index:], stream=True)) for index in range(len(TEXTS))]
    await driver.finish()
    texts = [expected(registry, text) for text in TEXTS]
    for index, ticket in enumerate(tickets):
        assert [one.text for one in driver.result(ticket)] == texts[index:]
        events = [event for event in driver.events[ticket] if isinstance(event, SentenceEvent)]
        assert [event.index for event in events] == sorted(event.index for event in events)
        for number, text in enumerate(texts[index:]):
            assert "".join(event.text for event in events if event.index == number) == text
    assert driver.engine.empty


async def test_parts_are_searched_only_where_the_whole_does_not_count(
    make_driver: MakeDriver, registry: Registry
) -> None:
    lengths: list[int] = []
    driver = make_driver(wrapped(registry, "translation-en-tr", lambda runtime: Counting(runtime, lengths)))
    await solo(driver, job("very bad! A good film"))
    assert len(lengths) == 2
    lengths.clear()
    ticket = await driver.submit(job("the man sees 12 dogs and 7 films."))
    driver.step()
    assert len(lengths) == 1  # the whole; its parts are not known to be needed
    await driver.finish()
    assert len(lengths) == 4
    assert "12" in driver.result(ticket)[0].text


async def test_attention_is_that_of_what_the_translation_comes_from(make_driver: MakeDriver) -> None:
    (result,) = await solo(make_driver(), job("the man sees 12 dogs and 7 films.", attention=True))
    assert result.attention.source_tokens.count("<tr>") == 3
    assert len(result.attention.weights) == len(result.attention.target_tokens)
    with pytest.raises(InvalidRequest, match="attention is given for at most 512"):
        await make_driver().submit(job("the man sees 12 dogs. " * 60, attention=True))


@pytest.mark.parametrize("steps", range(0, 40, 3))
async def test_a_request_that_leaves_takes_all_its_parts_along(make_driver: MakeDriver, steps: int) -> None:
    driver = make_driver(max_rows=4)
    alone = await solo(driver, job(TEXTS[0]))
    gone, remaining = await driver.submit(job(*TEXTS, stream=True)), await driver.submit(job(TEXTS[0]))
    driver.step(steps)
    gone.cancel()
    await driver.finish()
    assert [one.text for one in driver.result(remaining)] == [one.text for one in alone]
    assert driver.engine.empty


async def test_a_part_that_fails_fails_its_request_alone(make_driver: MakeDriver, registry: Registry) -> None:
    tokenizer = registry.get("translation-en-tr").tokenizer
    bad = len(tokenizer.encode("the man sees the dog")) + 2  # with the language and the end
    model = wrapped(registry, "translation-en-tr", lambda runtime: Counting(runtime, [], bad))
    driver = make_driver(model)
    failing = await driver.submit(job("the man sees the dog 12 and 7 films."))
    others = [await driver.submit(job(text)) for text in TEXTS[1:]]
    await driver.finish()
    assert str(driver.end(failing).error) == "a bad source"
    assert [driver.result(ticket)[0].text for ticket in others] == [expected(registry, text) for text in TEXTS[1:]]
    assert driver.engine.empty


def test_tasks_take_turns() -> None:
    queue: Any = EncodeQueue()
    first, second = "first", "second"
    queue.add(first, [1, 2])
    queue.add(second, [3, 4])
    assert queue.take() == (first, 1)
    queue.add(first, [5])  # behind its others: no second turn
    queue.add(second, [])
    assert len(queue) == 2
    assert [queue.take() for _ in range(4)] == [(second, 3), (first, 2), (second, 4), (first, 5)]
    assert not queue


async def test_quality_is_that_of_the_sentences_by_length(make_driver: MakeDriver, registry: Registry) -> None:
    served = registry.get("translation-en-tr")
    quality = load_quality(json.dumps(QUALITY).encode(), (("en", "tr"), ("tr", "en")))
    calibrated = replace(served, checkpoint=replace(served.checkpoint, quality=quality))
    driver = make_driver()
    sentences = ("Very bad!", "The man sees 12 dogs and 7 films.", "A good film.")
    texts = ("42", *sentences, " ".join(sentences))
    ticket = await driver.submit(job(*texts), model=calibrated)
    html = await driver.submit(job(f"<p>{sentences[0]}</p>", "<hr>", format="html"), model=calibrated)
    await driver.finish()
    number, *alone, together = [one.quality for one in driver.result(ticket)]
    assert number == 1
    assert all(0 < one < 1 for one in alone)
    weighted = sum(one * len(text) for one, text in zip(alone, sentences, strict=True)) / sum(map(len, sentences))
    assert together == pytest.approx(weighted, abs=0.02)
    assert [one.quality for one in driver.result(html)] == [pytest.approx(alone[0], abs=0.02), 1]
    (plain,) = await solo(driver, job("Very bad!"))
    assert plain.quality is None


async def test_score_quality_and_attention_are_of_what_is_shown(
    make_driver: MakeDriver, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the likeliest hypothesis does not count, the numbers are those of the one that does."""
    served = registry.get("translation-en-tr")
    quality = load_quality(json.dumps(QUALITY).encode(), (("en", "tr"), ("tr", "en")))
    calibrated = replace(served, checkpoint=replace(served.checkpoint, quality=quality))
    text, ids = "A good film.", source_ids(served.checkpoint.model, served.tokenizer, "A good film.", "tr")  # type: ignore[arg-type]
    with torch.inference_mode():
        (ranked,) = translate(served.runtime, [ids], served.tokenizer.end_id, SearchConfig(3, keep_attention=True))  # type: ignore[arg-type]
    names = [served.tokenizer.decode(hypothesis.ids) for hypothesis in ranked]
    shown = next(index for index, name in enumerate(names) if name != names[0])
    monkeypatch.setattr(Sentence, "accepts", lambda _, hypothesis: hypothesis != names[0])
    driver = make_driver()
    ticket = await driver.submit(job(text, beam_size=3, attention=True), model=calibrated)
    await driver.finish()
    (result,) = driver.result(ticket)
    assert result.score == pytest.approx(ranked[shown].score)
    of_shown = features([searched(ids, ranked[shown], names[shown])])
    assert result.quality == pytest.approx(quality.estimate("en-tr", of_shown))
    assert result.quality != pytest.approx(quality.estimate("en-tr", features([searched(ids, ranked[0], names[0])])))
    assert len(result.attention.weights) == len(ranked[shown].ids) + ranked[shown].finished


@pytest.mark.parametrize("stream", [False, True])
async def test_unknown_words_are_kept_as_in_evaluation(
    make_driver: MakeDriver, registry: Registry, stream: bool
) -> None:
    """And as without a list of known words where no word of the source is unknown; score and quality stay."""
    served = registry.get("translation-en-tr")
    model: Any = served.checkpoint.model
    quality = load_quality(json.dumps(QUALITY).encode(), (("en", "tr"), ("tr", "en")))
    texts = ("the dog saw Xavier and Quincy. Xavier saw the man.", "a good film", "<b>Xavier</b> saw {name} 12 times.")
    words = KnownWords.of({part for text in texts for part in parts(text)} - {"Xavier", "Quincy"}, "en")
    results = []
    for known in (None, words):
        listed = replace(served, checkpoint=replace(served.checkpoint, known_words=known, quality=quality))
        driver = make_driver(max_rows=6)
        ticket = await driver.submit(job(*texts, stream=stream), model=listed)
        alone = [await driver.submit(job(text), model=listed) for text in texts]
        await driver.finish()
        results.append(driver.result(ticket))
        assert [driver.result(one)[0].text for one in alone] == [one.text for one in results[-1]]
        events = [event for event in driver.events[ticket] if isinstance(event, SentenceEvent)]
        assert not stream or "".join(event.text for event in events) == "".join(one.text for one in results[-1])
        with torch.inference_mode():
            measured = translate_passages(served.runtime, model, served.tokenizer, texts, "tr", SearchConfig(2), known)  # type: ignore[arg-type]
        assert [one.text for one in measured] == [one.text for one in results[-1]]
    plain, kept = results
    assert plain[1].text == kept[1].text
    assert [one.score for one in plain[:2]] == [one.score for one in kept[:2]]
    assert [one.quality for one in plain[:2]] == [one.quality for one in kept[:2]]


class Chatty(Wrapped):
    """A runtime whose next piece depends on the piece before it and on how long the source is.

    An untrained model repeats one piece; this one writes all kinds of pieces, in each order.
    """

    def __init__(self, runtime: Any, tokenizer: Any) -> None:
        super().__init__(runtime)
        self._scores = torch.randn(600, tokenizer.size, generator=torch.Generator().manual_seed(1)) * 2
        # single bytes are rare, as they are of a model that is trained, and what writes nothing is rarer
        self._scores[:, [token for token in range(tokenizer.size) if len(tokenizer.surface(token)) == 1]] -= 4
        self._scores[:, [token for token in range(tokenizer.size) if not tokenizer.surface(token)]] -= 20
        self._scores[:, tokenizer.end_id] += 23

    def step(self, ids: Any, state: Any, encoded: Any) -> Any:
        _, weights, after = self._runtime.step(ids, state, encoded)
        length = encoded.mask.sum(dim=1).repeat_interleave(len(ids) // len(encoded))
        return torch.log_softmax(self._scores[(ids + 7 * length) % 600], dim=1), weights, after


@pytest.fixture
def chatty(registry: Registry) -> Any:
    tokenizer = registry.get("translation-en-tr").tokenizer
    return wrapped(registry, "translation-en-tr", lambda runtime: Chatty(runtime, tokenizer))


SENTENCES = ("the man sees the dog", "Very bad!", "A good film.", "The dog sees the very good man and a bad film.")
TEXT = "Very bad!\n- A good film. The man sees the dog.\n42\nGood."
PREFIXES = ("k", "Köpek ", "köpek çok iyi", "“İyi” ", "x: {name} 12", "\u65e5\u672c", "  iki", "GÜZEL", "q. Q. ")


@pytest.mark.parametrize("text", SENTENCES)
async def test_the_beginning_of_its_own_answer_gives_the_same_answer(
    make_driver: MakeDriver, chatty: Any, text: str
) -> None:
    """Wherever the answer of a sentence is cut, inside of a word or piece too, with and without company."""
    driver = make_driver(chatty)
    (own,) = await solo(driver, job(text, beam_size=1))
    tickets = [await driver.submit(job(text, beam_size=1, prefix=own.text[:end])) for end in range(len(own.text) + 1)]
    await driver.finish()
    for end, ticket in enumerate(tickets):
        assert driver.result(ticket)[0].text == own.text, own.text[:end]


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_translation_begins_with_its_prefix(
    make_driver: MakeDriver, chatty: Any, prefix: str, beam_size: int
) -> None:
    """Alone as in company, streamed as plain, and so do its alternatives."""
    for text in (*SENTENCES, TEXTS[0], TEXTS[4], "THE DOG SEES THE MAN", '"A good film"'):
        begun = job(text, prefix=prefix, beam_size=beam_size, alternatives=2)
        (alone,) = await solo(make_driver(chatty), begun)
        assert alone.text.startswith(prefix)
        assert all(other.startswith(prefix) for other in alone.alternatives)
        driver = make_driver(chatty, max_rows=8)
        tickets = [await driver.submit(one) for one in (job(*TEXTS, beam_size=beam_size), replace(begun, stream=True))]
        await driver.finish()
        assert driver.result(tickets[1])[0].text == alone.text
        events = [event for event in driver.events[tickets[1]] if isinstance(event, SentenceEvent)]
        assert "".join(event.text for event in events) == alone.text


@pytest.mark.parametrize("beam_size", [1, 3])
async def test_a_prefix_of_several_sentences(make_driver: MakeDriver, chatty: Any, beam_size: int) -> None:
    driver = make_driver(chatty)
    (own,) = await solo(driver, job(TEXT, beam_size=beam_size))
    first, rest = own.text.split("\n- ")
    for prefix in (
        "Çok",
        "Çok kötü!",
        "Çok ",
        "Çok kötü!\n- ",
        "Çok kötü!\n- Bir",
        "Çok kötü!\n- İyi bir film. Adam",
        first,
    ):
        (begun,) = await solo(driver, job(TEXT, beam_size=beam_size, prefix=prefix))
        assert begun.text.startswith(prefix)
        assert "\n42\n" in begun.text
        if "-" not in prefix or prefix.endswith("- "):
            assert begun.text.split("\n- ")[1] == rest  # the other sentences are as they were
    (own,) = await solo(driver, job("The dog. A good film.", beam_size=1))
    for end in range(len(own.text.split(". ")[0])):
        (begun,) = await solo(driver, job("The dog. A good film.", beam_size=1, prefix=own.text[:end]))
        assert begun.text == own.text
    for text, prefix in (("- A good film.", "Bir"), ("42", "Bir")):
        with pytest.raises(InvalidRequest, match="no translation begins with this prefix"):
            await driver.submit(job(text, prefix=prefix))
    with pytest.raises(InvalidRequest, match=r"prefix has \d+ tokens in a sentence"):
        await driver.submit(job("A film.", prefix="köpek " * 100))


async def test_each_token_has_its_place_and_its_rivals(make_driver: MakeDriver, chatty: Any) -> None:
    driver = make_driver(chatty)
    for text in (*SENTENCES, TEXT, TEXTS[0]):
        (plain,) = await solo(driver, job(text, beam_size=3, attention=True))
        (scored,) = await solo(driver, job(text, beam_size=3, attention=True, top_tokens=4))
        assert (scored.text, scored.score, plain.tokens) == (plain.text, plain.score, ())
        assert [token.token for token in scored.tokens] == list(scored.attention.target_tokens)
        for token in scored.tokens:
            assert len(token.top) == 4
            assert [one for _, one in token.top] == sorted((one for _, one in token.top), reverse=True)
            same = [one for name, one in token.top if name == token.token]  # a piece, or a byte with the same name
            assert not same or any(one == pytest.approx(token.probability, rel=1e-5) for one in same)
        spans = [(token.start, token.end) for token in scored.tokens]
        assert spans == sorted(spans)
        assert 0 <= spans[0][0] <= spans[-1][1] <= len(scored.text)


async def test_the_place_of_a_token_in_one_sentence(make_driver: MakeDriver, chatty: Any) -> None:
    """The tokens make up the translation, and in the place of a token, another one can stand."""
    driver = make_driver(chatty)
    texts = ["the dog" + " the man" * count for count in range(8)]
    results = [(await solo(driver, job(text, beam_size=1, top_tokens=5)))[0] for text in texts]
    text, result = max(zip(texts, results, strict=True), key=lambda pair: len(pair[1].tokens))
    shown = "".join(result.text[token.start : token.end] for token in result.tokens)
    assert shown == result.text
    for token in result.tokens:
        if token.token.strip() and token.token.isalpha():
            assert result.text[token.start : token.end] == token.token
    index = len(result.tokens) // 2
    middle = result.tokens[index]
    other = next(name for name, _ in middle.top if name not in (middle.token, "</s>") and name.strip())
    prefix = result.text[: middle.start] + other
    (begun,) = await solo(driver, job(text, beam_size=1, top_tokens=5, prefix=prefix))
    assert begun.text.startswith(prefix)
    assert index > 1
    assert begun.tokens[:index] == result.tokens[:index]
    assert begun.tokens[index].top == middle.top  # what the model would say, whatever the prefix requires
