"""The real `openai` package, and langchain's, against a live server."""

import asyncio
from typing import Any

import httpx
import openai
import pytest
from langchain_openai import OpenAI as LangchainOpenAI

from app.catalog.registry import Registry
from tests.clients.conftest import Breaks
from tests.conftest import Live, Serve
from tests.helpers import TokenSlow, wrapped

ASK: dict[str, Any] = {"model": "language-en", "prompt": "the man sees", "max_tokens": 12, "seed": 5}


@pytest.fixture(scope="module")
def client(live: Live) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0)


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["language-en", "language-tr"]
    assert client.models.retrieve("language-tr").id == "language-tr"
    with pytest.raises(openai.NotFoundError) as refusal:
        client.models.retrieve("none")
    assert refusal.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("sentiment-en")


class TestCompletion:
    def test_as_our_own_route_has_it(self, client: openai.OpenAI, live: Live) -> None:
        made = client.completions.create(**ASK, temperature=1.3, n=2)
        body = {
            "prompt": ASK["prompt"],
            "model": "language-en",
            "max_new_tokens": 12,
            "seed": 5,
            "temperature": 1.3,
            "n": 2,
        }
        own = httpx.post(f"{live.url}/generate", json=body).json()
        assert [choice.text for choice in made.choices] == [choice["text"] for choice in own["choices"]]
        assert made.object == "text_completion"
        assert made.id.startswith("cmpl-")
        assert made.usage
        assert made.usage.completion_tokens == own["usage"]["generated_tokens"]
        assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens
        assert {choice.finish_reason for choice in made.choices} <= {"length", "stop"}

    def test_same_seed_same_text(self, client: openai.OpenAI) -> None:
        texts = [client.completions.create(**ASK | {"seed": seed}).choices[0].text for seed in (7, 7, 8, -9)]
        assert texts[0] == texts[1]
        assert len(set(texts)) == 3

    def test_prompts_in_four_shapes(self, client: openai.OpenAI, live: Live) -> None:
        reply = httpx.post(f"{live.url}/tokenize", json={"text": "the man sees", "model": "language-en"}).json()
        ids = [token["id"] for token in reply["tokens"]]
        text = client.completions.create(**ASK).choices[0].text
        for prompt in (["the man sees"], ids, [ids]):
            assert client.completions.create(**ASK | {"prompt": prompt}).choices[0].text == text
        many = client.completions.create(**ASK | {"prompt": ["the man sees", "a dog", "the man sees"], "n": 2})
        assert [choice.index for choice in many.choices] == list(range(6))
        assert many.choices[0].text == many.choices[4].text == text

    def test_stop(self, client: openai.OpenAI) -> None:
        whole = client.completions.create(**ASK).choices[0].text
        stop = whole[4:6]
        for given in (stop, [stop, "zzzz"]):
            (choice,) = client.completions.create(**ASK, stop=given).choices
            assert (choice.text, choice.finish_reason) == (whole[: whole.index(stop)], "stop")

    def test_penalties_and_bias(self, client: openai.OpenAI) -> None:
        greedy = ASK | {"temperature": 0}
        plain = client.completions.create(**greedy, logprobs=1).choices[0]
        assert plain.logprobs
        assert plain.logprobs.tokens
        first = httpx.post(
            str(client.base_url).replace("/v1/", "/tokenize"),
            json={"text": plain.text.strip() or "a", "model": "language-en"},
        ).json()["tokens"][0]["id"]
        biased = client.completions.create(**greedy, logit_bias={str(first): 100}).choices[0].text
        barred = client.completions.create(**greedy, logit_bias={str(first): -100}).choices[0].text
        assert biased != barred
        assert (
            client.completions.create(**greedy, frequency_penalty=2, presence_penalty=2).choices[0].text != plain.text
        )

    def test_best_of(self, client: openai.OpenAI) -> None:
        """The likeliest of the choices that n alone would give."""
        all_of_them = client.completions.create(**ASK, n=6, logprobs=0, temperature=1.5).choices
        best = client.completions.create(**ASK, best_of=6, temperature=1.5).choices[0]

        def mean(choice: Any) -> float:
            return sum(choice.logprobs.token_logprobs) / len(choice.logprobs.token_logprobs)

        assert best.text == max(all_of_them, key=mean).text
        assert len(client.completions.create(**ASK, best_of=2, n=3).choices) == 3

    def test_echo_with_logprobs(self, client: openai.OpenAI) -> None:
        (choice,) = client.completions.create(**ASK | {"max_tokens": 0}, echo=True, logprobs=3).choices
        scores = choice.logprobs
        assert scores
        assert choice.text == "the man sees" == "".join(scores.tokens)
        assert scores.token_logprobs[0] is None
        assert scores.top_logprobs[0] is None
        assert all(score < 0 for score in scores.token_logprobs[1:])
        for token, score, offset, top in zip(
            scores.tokens, scores.token_logprobs, scores.text_offset, scores.top_logprobs, strict=True
        ):
            assert choice.text[offset : offset + len(token)] == token
            assert top is None or (top[token] == score and 3 <= len(top) <= 4)
        (whole,) = client.completions.create(**ASK, echo=True, logprobs=0).choices
        assert whole.text == "the man sees" + client.completions.create(**ASK, logprobs=0).choices[0].text
        assert whole.logprobs.token_logprobs[: len(scores.tokens)] == scores.token_logprobs

    def test_echo_alone(self, client: openai.OpenAI) -> None:
        text = client.completions.create(**ASK).choices[0].text
        assert client.completions.create(**ASK, echo=True).choices[0].text == "the man sees" + text
        assert client.completions.create(**ASK | {"max_tokens": 0}, echo=True).choices[0].text == "the man sees"


class TestStream:
    @pytest.mark.parametrize(
        "change",
        [{}, {"n": 3}, {"stop": ["e"]}, {"prompt": ["the man", "a dog"], "n": 2}, {"echo": True}, {"logprobs": 2}],
    )
    def test_streamed_is_not_streamed(self, client: openai.OpenAI, change: dict[str, Any]) -> None:
        body = ASK | {"temperature": 1.2} | change
        plain = client.completions.create(**body)
        chunks = list(client.completions.create(**body, stream=True, stream_options={"include_usage": True}))
        for choice in plain.choices:
            own = [one for chunk in chunks for one in chunk.choices if one.index == choice.index]
            assert "".join(one.text for one in own) == choice.text
            assert [one.finish_reason for one in own if one.finish_reason] == [choice.finish_reason]
            if choice.logprobs:
                scores = [score for one in own if one.logprobs for score in one.logprobs.token_logprobs]
                assert scores == choice.logprobs.token_logprobs
                offsets = [offset for one in own if one.logprobs for offset in one.logprobs.text_offset]
                assert offsets == choice.logprobs.text_offset
        assert [chunk.usage for chunk in chunks if chunk.usage] == [plain.usage]
        assert chunks[-1].choices == []

    def test_no_usage_unless_asked_for(self, client: openai.OpenAI) -> None:
        assert all(chunk.usage is None and chunk.choices for chunk in client.completions.create(**ASK, stream=True))

    def test_an_error_in_the_middle(self, serve: Serve, registry: Registry) -> None:
        broken = serve(wrapped(registry, "language-en", Breaks))
        client = openai.OpenAI(base_url=f"{broken.url}/v1", api_key="none", max_retries=0)
        chunks = iter(client.completions.create(**ASK, stream=True, logit_bias={"0": -100}))
        assert next(chunks).choices
        with pytest.raises(openai.APIError) as failure:
            list(chunks)
        assert "xyzzy" not in str(failure.value)
        assert failure.value.type == "server_error"


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "kind", "parameter"),
        [
            ({"model": "none"}, openai.NotFoundError, "model"),
            ({"model": "sentiment-en"}, openai.NotFoundError, "model"),
            ({"max_tokens": 100_000}, openai.BadRequestError, "max_tokens"),
            ({"temperature": 9}, openai.BadRequestError, "temperature"),
            ({"prompt": [99999]}, openai.BadRequestError, "prompt"),
            ({"prompt": {"a": 1}}, openai.BadRequestError, "prompt"),
            ({"suffix": "and so"}, openai.BadRequestError, "suffix"),
            ({"logit_bias": {"99999": 1}}, openai.BadRequestError, "logit_bias"),
            ({"logit_bias": {"a": 1}}, openai.BadRequestError, "logit_bias"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, client: openai.OpenAI, change: dict[str, Any], kind: type[openai.APIStatusError], parameter: str | None
    ) -> None:
        with pytest.raises(kind) as refusal:
            client.completions.create(**ASK | change)
        assert refusal.value.param == parameter
        assert refusal.value.type == "invalid_request_error"

    def test_nulls_and_unknown_keys_are_passed_over(self, client: openai.OpenAI) -> None:
        nothing = dict.fromkeys(("logprobs", "stop", "suffix", "n", "logit_bias", "best_of", "stream_options", "user"))
        made = client.completions.create(**ASK, extra_body=nothing | {"ignore_eos": True})
        assert made.choices == client.completions.create(**ASK).choices

    def test_keys(self, serve: Serve) -> None:
        url = serve(api_keys="right").url
        assert openai.OpenAI(base_url=f"{url}/v1", api_key="right").models.list()
        with pytest.raises(openai.AuthenticationError) as refusal:
            openai.OpenAI(base_url=f"{url}/v1", api_key="wrong").models.list()
        assert refusal.value.code == "invalid_api_key"

    def test_a_limit_is_429_and_a_retry_succeeds(self, serve: Serve, registry: Registry) -> None:
        slow = serve(wrapped(registry, "language-en", TokenSlow), max_requests_at_once=1)

        async def ask() -> tuple[Any, Any, Any]:
            async with (
                openai.AsyncOpenAI(base_url=f"{slow.url}/v1", api_key="none", max_retries=0) as hasty,
                openai.AsyncOpenAI(base_url=f"{slow.url}/v1", api_key="none", max_retries=3) as patient,
            ):
                first = asyncio.create_task(hasty.completions.create(**ASK | {"max_tokens": 60}))
                while not (slow.app.state.engine.running or first.done()):
                    await asyncio.sleep(0.005)
                second = asyncio.create_task(hasty.completions.create(**ASK))
                third = asyncio.create_task(patient.completions.create(**ASK))
                return await asyncio.gather(first, second, third, return_exceptions=True)

        first, second, third = asyncio.run(ask())
        assert first.choices
        assert third.choices
        assert isinstance(second, openai.RateLimitError)
        assert second.response.headers["retry-after"] == "1"


class TestLangchain:
    def test_invoke_stream_and_batch(self, live: Live) -> None:
        model = LangchainOpenAI(base_url=f"{live.url}/v1", api_key="none", model="language-en", temperature=1.1, seed=3)
        text = model.invoke("the man sees")
        assert text
        assert "".join(model.stream("the man sees")) == text
        assert model.batch(["the man sees", "a dog"])[0] == text
        output = model.generate(["the man", "a dog"]).llm_output
        assert output
        assert output["token_usage"]["total_tokens"] > 0
