"""The real `openai` package, and langchain's, against a live server."""

import asyncio
import json
import re
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


def text_of(live: Live, prompt: str | list[int]) -> str:
    """What a prompt is echoed as."""
    body: dict[str, Any] = {"model": "language-en", "prompt": prompt, "max_tokens": 0, "echo": True}
    return str(httpx.post(f"{live.url}/v1/completions", json=body).json()["choices"][0]["text"])


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


class TestShape:
    """What OpenAI's API has, and clients rely on."""

    def ask(self, live: Live, **body: Any) -> Any:
        answer = httpx.post(f"{live.url}/v1/completions", json={"model": "language-en", **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    @pytest.mark.parametrize("prompt", ["güzel bir gün", "the man ığüşöç 漢字 😍", [200, 5, 130, 90]])
    @pytest.mark.parametrize("count", [1, 5, 20])
    def test_alternatives_have_distinct_names(self, live: Live, prompt: Any, count: int) -> None:
        body = {"prompt": prompt, "echo": True, "logprobs": count, "max_tokens": 6, "temperature": 2, "seed": 1}
        scores = self.ask(live, **body)["choices"][0]["logprobs"]
        assert scores["top_logprobs"][0] is None
        for token, score, top in zip(scores["tokens"], scores["token_logprobs"], scores["top_logprobs"], strict=True):
            assert "\ufffd" not in token
            if top is not None:
                assert count <= len(top) <= count + 1
                assert top[token] == score
                assert not any("\ufffd" in name for name in top)

    def test_bytes_are_named_and_stand_in_their_character(self, live: Live) -> None:
        text = "漢 x"
        choice = self.ask(live, prompt=text, echo=True, logprobs=1, max_tokens=0)["choices"][0]
        tokens, offsets = choice["logprobs"]["tokens"], choice["logprobs"]["text_offset"]
        assert [rf"bytes:\x{byte:02x}" for byte in "漢".encode()] == [name for name in tokens if "bytes:" in name]
        assert {text[offset] for name, offset in zip(tokens, offsets, strict=True) if "bytes:" in name} == {"漢"}

    @pytest.mark.parametrize(
        "prompt",
        ["", " ", "\ufeff", "\u200b", "the man", "the man ", "the man  ", "the man\u00a0", "the man\u00a0 ",
         "the man\n", "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1f9\U0001f1f7 ", "I\u0307\u0131",
         [5, 300], [0], []],
    )  # fmt: skip
    @pytest.mark.parametrize("stream", [False, True])
    def test_a_generated_token_is_called_what_stands_at_its_offset(
        self, live: Live, prompt: str | list[int], stream: bool
    ) -> None:
        """Beside the prompt, which need not be echoed; also where a token stands first, or after another space."""
        body: dict[str, Any] = {"model": "language-en", "prompt": prompt, "logprobs": 3, "max_tokens": 8}
        for seed in range(4):
            answer = httpx.post(f"{live.url}/v1/completions", json={**body, "stream": stream, "seed": seed})
            chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
            choices = (
                [choice for chunk in chunks for choice in chunk["choices"]] if stream else answer.json()["choices"]
            )
            whole = text_of(live, prompt) + "".join(choice["text"] for choice in choices)
            scores = [choice["logprobs"] for choice in choices if choice["logprobs"]]
            names = [name for one in scores for name in one["tokens"]]
            offsets = [offset for one in scores for offset in one["text_offset"]]
            assert names
            assert offsets == sorted(offsets)
            for name, offset in zip(names, offsets, strict=True):
                if not name.startswith("bytes:"):
                    assert whole[offset:].startswith(name), (whole, name, offset)

    @pytest.mark.parametrize("seed", [2**63 - 1, -(2**63), 2**53, 0])
    def test_seeds_of_64_bits(self, live: Live, seed: int) -> None:
        answers = [self.ask(live, prompt="the man", seed=seed)["choices"] for _ in range(2)]
        assert answers[0] == answers[1]
        bad = httpx.post(f"{live.url}/v1/completions", json={"model": "language-en", "prompt": "a", "seed": 2**63})
        assert (bad.status_code, bad.json()["error"]["param"]) == (400, "seed")

    def test_max_tokens_of_minus_one_are_all_that_are_allowed(self, serve: Serve) -> None:
        small = serve(max_new_tokens=7)
        body = {"prompt": "the man", "seed": 3, "temperature": 0, "logit_bias": {"0": -100}}
        assert self.ask(small, **body, max_tokens=-1)["usage"]["completion_tokens"] == 7
        for wrong in (-2, 8):
            answer = httpx.post(f"{small.url}/v1/completions", json={"model": "language-en", "max_tokens": wrong})
            assert answer.json()["error"]["param"] == "max_tokens"

    def test_no_such_model_lists_those_of_the_route(self, live: Live) -> None:
        for path, body, listed in (
            ("/v1/completions", {"prompt": "a"}, "language-en, language-tr"),
            ("/classify", {"text": "a"}, "sentiment-en, sentiment-tr"),
            ("/translate", {"text": "a"}, "translation-en-tr"),
            ("/generate", {"prompt": "a"}, "language-en, language-tr"),
            ("/inspect", {"text": "a"}, "language-en, language-tr, sentiment-en, sentiment-tr"),
        ):
            answer = httpx.post(f"{live.url}{path}", json={"model": "none", **body})
            assert answer.status_code == 404
            assert answer.text.count(f"no such model; there are {listed}") >= 1
            assert all(name in listed for name in ("language-en",) if name in answer.text)

    @pytest.mark.parametrize("prefix", ["/v1", "/hf/language-en/v1"])
    @pytest.mark.parametrize("path", ["chat/completions", "responses", "embeddings"])
    def test_what_is_not_served_says_what_is(self, live: Live, prefix: str, path: str) -> None:
        answer = httpx.post(f"{live.url}{prefix}/{path}", json={"model": "language-en", "messages": []})
        assert answer.status_code == 404
        error = answer.json()["error"]
        assert "POST /v1/completions" in (error["message"] if prefix == "/v1" else error)

    def test_the_client_reads_it(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError, match=r"no chat models are served here; POST /v1/completions"):
            client.chat.completions.create(model="language-en", messages=[{"role": "user", "content": "hi"}])
        with pytest.raises(openai.NotFoundError, match="no embeddings are served here"):
            client.embeddings.create(model="language-en", input="hi")


class TestEndOfText:
    """Prompts of ids that begin with the end token, which stands before every text anyway, get no second one."""

    def scores(self, live: Live, prompt: Any, **body: Any) -> Any:
        body = {"model": "language-en", "prompt": prompt, "echo": True, "logprobs": 1, "max_tokens": 0} | body
        reply = httpx.post(f"{live.url}/v1/completions", json=body).json()
        return reply["choices"][0]["logprobs"], reply["choices"][0]["text"], reply["usage"]

    @pytest.mark.parametrize("ids", [[10, 11], [300, 5, 200, 41], [7]])
    def test_scores_are_those_without_it(self, live: Live, registry: Registry, ids: list[int]) -> None:
        (alone, text, usage), (after, same, more) = (self.scores(live, prompt) for prompt in (ids, [0, *ids]))
        assert text == same == registry.get("language-en").tokenizer.decode(ids)
        assert (after["tokens"][0], after["token_logprobs"][0], after["top_logprobs"][0]) == ("", None, None)
        assert after["tokens"][1:] == alone["tokens"]
        assert after["text_offset"][1:] == alone["text_offset"]
        assert after["token_logprobs"][2:] == alone["token_logprobs"][1:]
        assert after["token_logprobs"][1] < 0
        assert more["prompt_tokens"] == usage["prompt_tokens"] + 1 == len(ids) + 1

    def test_all_scores_sum_to_that_of_the_text(self, live: Live) -> None:
        """That of the first token too: in the native route it is among the likeliest after nothing."""
        scores, _, _ = self.scores(live, [0, 300, 5])
        twice, _, _ = self.scores(live, [0, 0, 300, 5])
        assert twice["token_logprobs"][2] != scores["token_logprobs"][1], "a second one is a token of the text"

    def test_text_continues_as_without_it(self, live: Live) -> None:
        for stream in (False, True):
            body = {"model": "language-en", "seed": 1, "max_tokens": 9, "stream": stream}
            one, other = (
                httpx.post(f"{live.url}/v1/completions", json={**body, "prompt": prompt}).text
                for prompt in ([300, 5, 200], [0, 300, 5, 200])
            )
            assert re.findall('"text":"[^"]*"', one) == re.findall('"text":"[^"]*"', other)

    def test_nothing_but_it(self, live: Live) -> None:
        scores, text, usage = self.scores(live, [0])
        assert (scores["tokens"], scores["token_logprobs"], text, usage["prompt_tokens"]) == ([""], [None], "", 1)

    def test_its_text_at_the_beginning_is_it(self, live: Live) -> None:
        ids = httpx.post(f"{live.url}/tokenize", json={"prompt": "the man sees"}).json()["tokens"]
        assert self.scores(live, "</s>the man sees") == self.scores(live, [0, *ids])
        inside, _, _ = self.scores(live, "the man</s>")
        assert len(inside["tokens"]) > 3, "elsewhere it is text"


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
