"""Laws of snapshots: a text that is sent, or generated, in pieces is the text in one piece."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.registry import Registry
from app.engine.jobs import GenerateJob, Generation, Prediction, PredictJob
from app.engine.prompt import CHUNK, MAX_OPEN_WORD, Prompt
from app.engine.snapshot import Snapshot
from app.errors import Conflict, EngineStopped
from models.networks.language_model import LanguageModel
from models.runtime.float import FloatLanguage
from models.runtime.state import State, unpack
from models.sampling import SamplingConfig
from models.text.tokenizers import SubwordTokenizer, WordTokenizer
from tests.engine.conftest import Driver, MakeDriver

pytestmark = pytest.mark.anyio
LONG = "the man sees the dog and the dog sees the man. " * 12
TEXTS = st.text(alphabet=st.sampled_from("abmn .\n'ıİΣ\u2581\0漢🙂 "), min_size=1, max_size=150)


def job(**change: Any) -> GenerateJob:
    result = GenerateJob("the man", 10, SamplingConfig(1.5), seed=5, return_snapshot=True)
    return replace(result, **change)


async def run(driver: Driver, work: Any) -> Any:
    ticket = await driver.submit(work)
    await driver.finish()
    return driver.result(ticket)


async def in_pieces(driver: Driver, first: GenerateJob, sizes: list[int]) -> tuple[str, str, list[Any]]:
    """The text, the last finish_reason and the scores of a generation of several requests."""
    text, snapshot, scores, reason = "", None, [], ""
    for size in sizes:
        prompt = first.prompt if snapshot is None else ""
        result = await run(driver, replace(first, prompt=prompt, max_new_tokens=size, snapshot=snapshot))
        text += result.choices[0].text
        reason = result.choices[0].finish_reason
        scores += result.choices[0].tokens
        snapshot = result.snapshot
        if reason != "length":
            break
    return text, reason, scores


class TestGeneration:
    @pytest.mark.parametrize("sampling", [SamplingConfig(1.5), SamplingConfig(0), SamplingConfig(2.0, 20, 0.9, 1.3)])
    @pytest.mark.parametrize("stop", [(), ("e",), ("he", "an s", "aa"), ("\ufffd",)])
    @pytest.mark.parametrize("seed", range(6))
    async def test_ten_requests_are_one(
        self, make_driver: MakeDriver, sampling: SamplingConfig, stop: tuple[str, ...], seed: int
    ) -> None:
        driver = make_driver()
        whole = job(seed=seed, sampling=sampling, stop=stop, max_new_tokens=55, scored=True, top_logprobs=2)
        once = (await run(driver, replace(whole, return_snapshot=False))).choices[0]
        text, reason, scores = await in_pieces(driver, whole, list(range(1, 11)))
        if reason == "length":  # what is held back for a stop string to come was not handed out
            assert once.text.startswith(text)
            assert len(once.text) - len(text) < max([2, *map(len, stop)])
        else:
            assert text == once.text
        assert reason == once.finish_reason
        assert scores == list(once.tokens)

    async def test_streamed_pieces_make_up_the_text(self, make_driver: MakeDriver) -> None:
        driver = make_driver()
        for seed in range(20):
            ticket = await driver.submit(job(seed=seed, stop=("he", "ea"), stream=True))
            await driver.finish()
            pieces = "".join(event.text for event in driver.events[ticket][:-1])
            assert pieces == driver.result(ticket).choices[0].text

    async def test_a_stop_string_is_left_behind(self, make_driver: MakeDriver) -> None:
        """What is generated after one goes on behind it: with the stop strings put back, it is the text without."""
        driver = make_driver()
        for seed in range(10):
            whole = (await run(driver, job(seed=seed, max_new_tokens=60, return_snapshot=False))).choices[0]
            text, snapshot, left = "", None, 60
            while left:
                prompt = "the man" if snapshot is None else ""
                result = await run(
                    driver, job(seed=seed, prompt=prompt, max_new_tokens=left, stop=("e",), snapshot=snapshot)
                )
                (choice,) = result.choices
                text += choice.text + "e" * (choice.finish_reason == "stop")
                left -= result.generated_tokens
                snapshot = result.snapshot
                if choice.finish_reason == "end":
                    break
            assert whole.text.startswith(text)
            assert choice.finish_reason == whole.finish_reason or left == 0

    async def test_a_prompt_can_follow(self, make_driver: MakeDriver) -> None:
        """Other text after a generation is read as it is; two ways to the same ids are one."""
        driver = make_driver()
        first: Generation = await run(driver, job(max_new_tokens=3))
        joined = await run(driver, job(prompt=" the dog sees", snapshot=first.snapshot))
        apart = await run(driver, PredictJob(" the dog", 1, "word", snapshot=first.snapshot, return_snapshot=True))
        assert (await run(driver, job(prompt=" sees", snapshot=apart.snapshot))).choices == joined.choices

    async def test_many_branches_from_one_state(self, make_driver: MakeDriver) -> None:
        driver = make_driver()
        snapshot = (await run(driver, job())).snapshot
        result = await run(driver, job(prompt="", snapshot=snapshot, choices=4, return_snapshot=False))
        assert result.snapshot is None
        assert result.choices[0] == (await run(driver, job(prompt="", snapshot=snapshot))).choices[0]
        assert len({choice.text for choice in result.choices}) > 1


class TestTyping:
    @pytest.mark.parametrize("partial", [True, False])
    async def test_a_state_says_what_the_whole_text_says(self, make_driver: MakeDriver, partial: bool) -> None:
        driver = make_driver()
        text, snapshot = "", None
        for index, key in enumerate(LONG[:150]):
            text += key
            ask = PredictJob(key, 3, "word", partial, snapshot=snapshot, return_snapshot=True)
            prediction: Prediction = await run(driver, ask)
            snapshot = prediction.snapshot
            if index % 10 == 9 or key == " ":
                whole: Prediction = await run(driver, PredictJob(text, 3, "word", partial))
                assert (prediction.next, prediction.other) == (whole.next, whole.other)
        generated = await run(driver, job(prompt="", snapshot=snapshot, return_snapshot=False))
        assert generated.choices == (await run(driver, job(prompt=LONG[:150], return_snapshot=False))).choices
        assert snapshot is not None
        assert len(snapshot.ids) <= CHUNK + MAX_OPEN_WORD

    @given(TEXTS, st.lists(st.integers(0, 150), max_size=6))
    def test_ids_do_not_depend_on_the_cuts(self, tokenizer: SubwordTokenizer, text: str, cuts: list[int]) -> None:
        whole = Prompt(tokenizer, text)
        assert whole.ids == [tokenizer.end_id, *tokenizer.encode_continuation((" " + text).removesuffix(" "))]
        bounds = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
        ids, snapshot = list[int](), None
        for begin, end in pairwise(bounds):
            prompt = Prompt(tokenizer, text[begin:end], snapshot)
            all_ids = [*ids, *prompt.ids]
            ids += prompt.ids[: prompt.boundary]
            snapshot = Snapshot("", "", "", b"", prompt.ids_after_boundary, prompt.open_word, b"")
        assert all_ids == whole.ids
        assert len(ids) == whole.boundary

    def test_words_are_not_cut(self) -> None:
        tokenizer = WordTokenizer(["</s>", "<unk>", "the", "dog"])
        snapshot = Snapshot("", "", "", b"", (0, 2), " do", b"")
        assert Prompt(tokenizer, "g the", snapshot).ids == [0, 2, 3, 2]

    def test_a_word_without_end_is_cut(self, tokenizer: SubwordTokenizer) -> None:
        assert Prompt(tokenizer, "a" * MAX_OPEN_WORD).open_word == ""
        assert Prompt(tokenizer, "a" * (MAX_OPEN_WORD - 2)).open_word == " " + "a" * (MAX_OPEN_WORD - 2)


class TestRefusals:
    async def test_another_model(self, make_driver: MakeDriver) -> None:
        driver = make_driver()
        snapshot = (await run(driver, job())).snapshot
        with pytest.raises(Conflict, match="another model"):
            await driver.submit(job(prompt="", snapshot=snapshot), model="language-tr")

    @pytest.mark.parametrize(
        ("change", "reason"), [({"precision": "float16"}, "float16"), ({"state": b"1234"}, "version of this service")]
    )
    async def test_another_precision_or_layout(
        self, make_driver: MakeDriver, change: dict[str, Any], reason: str
    ) -> None:
        driver = make_driver()
        snapshot = (await run(driver, job())).snapshot
        with pytest.raises(Conflict, match=reason):
            await driver.submit(job(prompt="", snapshot=replace(snapshot, **change)))


class TestGoingDown:
    async def test_a_generation_is_interrupted_and_goes_on_elsewhere(
        self, make_driver: MakeDriver, registry: Registry
    ) -> None:
        driver = make_driver()
        ticket = await driver.submit(job(max_new_tokens=40, stream=True))
        other = await driver.submit(job(max_new_tokens=40, return_snapshot=False))
        driver.step(6)
        driver.engine.drain(0)
        driver.engine.start()
        await asyncio.to_thread(driver.engine.stop, 5)
        await driver.settle()
        result: Generation = driver.result(ticket)
        assert isinstance(driver.end(other).error, EngineStopped)
        assert result.choices[0].finish_reason == "interrupted"
        assert "".join(event.text for event in driver.events[ticket][:-1]) == result.choices[0].text
        rest = await run(
            make_driver(), job(prompt="", snapshot=result.snapshot, max_new_tokens=40 - result.generated_tokens)
        )
        whole = await run(make_driver(), job(max_new_tokens=40))
        assert result.choices[0].text + rest.choices[0].text == whole.choices[0].text


class TestPacking:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
    def test_nothing_is_lost(self, language_model: LanguageModel, dtype: torch.dtype) -> None:
        runtime = FloatLanguage(language_model, dtype)
        with torch.inference_mode():
            state = runtime.prefill([torch.arange(5)], runtime.start(1))
        again = unpack(state.pack(), runtime.start(1))
        assert all(torch.equal(one, other) for one, other in zip(state.tensors, again.tensors, strict=True))

    def test_another_size(self) -> None:
        with pytest.raises(ValueError, match="3 bytes where 8"):
            unpack(b"123", State((torch.zeros(1, 2),)))
