"""The routes' responses over HTTP, with untrained models."""

import asyncio
import math
import re
from html import unescape
from itertools import pairwise

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def ask(client: httpx.AsyncClient, path: str, **body: object) -> dict:
    response = await client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


TAG = r"<[a-z/!][^>]*>"


def stripped(html: str) -> str:
    """The text of HTML without its tags."""
    return unescape(re.sub(TAG, "", html))


class TestGenerate:
    async def test_the_reply_is_complete(self, client: httpx.AsyncClient) -> None:
        reply = await ask(client, "/generate", prompt="the man", max_new_tokens=5, seed=3, model="language-en")
        assert reply["model"] == "language-en"
        assert reply["seed"] == 3
        assert reply["usage"]["prompt_tokens"] > 0
        assert 1 <= reply["usage"]["generated_tokens"] <= 5
        (choice,) = reply["choices"]
        assert set(choice) == {"index", "text", "finish_reason"}

    async def test_same_seed_same_text(self, client: httpx.AsyncClient) -> None:
        body = {"prompt": "the man", "max_new_tokens": 20, "model": "language-en", "n": 3}
        first, again = [await ask(client, "/generate", seed=11, **body) for _ in range(2)]
        assert first == again
        assert len({choice["text"] for choice in first["choices"]}) == 3
        other = await ask(client, "/generate", seed=12, **body)
        assert other["choices"] != first["choices"]
        unseeded = await ask(client, "/generate", **body)
        assert unseeded["choices"] == (await ask(client, "/generate", seed=unseeded["seed"], **body))["choices"]

    async def test_in_company_as_alone(self, client: httpx.AsyncClient) -> None:
        bodies = [
            {"prompt": f"the man {index}", "seed": index, "max_new_tokens": 4 + index, "model": "language-en"}
            for index in range(12)
        ]
        together = await asyncio.gather(*(ask(client, "/generate", **body) for body in bodies))
        for body, reply in zip(bodies, together, strict=True):
            assert reply == await ask(client, "/generate", **body)

    async def test_stop_cuts_before(self, client: httpx.AsyncClient) -> None:
        body = {"prompt": "the man", "seed": 1, "max_new_tokens": 30, "model": "language-en"}
        text = (await ask(client, "/generate", **body))["choices"][0]["text"]
        stop = text[3:5]
        (choice,) = (await ask(client, "/generate", **body, stop=[stop]))["choices"]
        assert choice["finish_reason"] == "stop"
        assert choice["text"] == text[: text.index(stop)]

    async def test_a_text_does_not_end_before_its_least_length(self, client: httpx.AsyncClient) -> None:
        body = {"prompt": "the man", "model": "language-en", "max_new_tokens": 40, "temperature": 3.0, "n": 4}
        for seed in range(20):
            reply = (await client.post("/generate", json=body | {"min_new_tokens": 30, "seed": seed})).json()
            assert reply["usage"]["generated_tokens"] >= 4 * 30
        reply = (await client.post("/generate", json=body | {"min_new_tokens": 41})).json()  # the largest allowed value
        assert reply["usage"]["generated_tokens"] == 4 * 40

    async def test_temperature_zero_is_the_likeliest(self, client: httpx.AsyncClient) -> None:
        reply = await ask(
            client, "/generate", prompt="the man", temperature=0, max_new_tokens=6, logprobs=2, model="language-en"
        )
        for token in reply["choices"][0]["tokens"]:
            assert token["id"] == token["top"][0]["id"]
            assert token["logprob"] == token["top"][0]["logprob"] >= token["top"][1]["logprob"]

    async def test_logprobs_are_the_models_own(self, client: httpx.AsyncClient) -> None:
        """They do not depend on the temperature, and agree with /next-word-probs."""
        reply = await ask(
            client, "/generate", prompt="the man", temperature=3, seed=1, max_new_tokens=1, logprobs=20,
            model="language-en",
        )  # fmt: skip
        predicted = await ask(client, "/next-word-probs", text="the man", unit="token", top=20, model="language-en")
        top = reply["choices"][0]["tokens"][0]["top"]
        assert [token["text"] for token in top] == [entry["word"] for entry in predicted["next"]]
        for token, entry in zip(top, predicted["next"], strict=True):
            assert token["logprob"] == pytest.approx(entry["logprob"], abs=1e-4)


class TestNextWords:
    @pytest.mark.parametrize("unit", ["word", "token"])
    async def test_listed_and_other_sum_to_one(self, client: httpx.AsyncClient, unit: str) -> None:
        reply = await ask(client, "/next-word-probs", text="the man", unit=unit, top=7, model="language-en")
        assert len(reply["next"]) == 7
        assert sum(entry["probability"] for entry in reply["next"]) + reply["other"] == pytest.approx(1)
        for entry in reply["next"]:
            assert entry["logprob"] == pytest.approx(math.log(entry["probability"]))

    @pytest.mark.parametrize("unit", ["word", "token"])
    async def test_temperature_sharpens_and_blunts(self, client: httpx.AsyncClient, unit: str) -> None:
        body = {"text": "the man", "model": "language-en", "unit": unit, "top": 5}
        cold, plain, hot = [
            (await ask(client, "/next-word-probs", **body, temperature=value))["next"][0]["probability"]
            for value in (0.3, 1.0, 5.0)
        ]
        assert cold > plain > hot
        assert await ask(client, "/next-word-probs", **body, temperature=1) == await ask(
            client, "/next-word-probs", **body
        )

    async def test_the_end_is_a_part_of_all_others(self, client: httpx.AsyncClient) -> None:
        body = {"text": "the man sees the dog.", "model": "language-en"}
        words = await ask(client, "/next-word-probs", **body)
        assert 0 < words["end"] <= words["other"]
        assert (await ask(client, "/next-word-probs", **body, unit="token"))["end"] is None  # it may be listed
        vocabulary = (await client.get("/models/language-en")).json()["vocabulary"]
        hot = await ask(client, "/next-word-probs", **body, temperature=10)  # nearly uniform
        assert hot["end"] == pytest.approx(1 / vocabulary, rel=0.3)
        candidates = await ask(client, "/next-word-probs", **body, candidates=["dog"])
        assert candidates["end"] == words["end"]
        begun = await ask(client, "/next-word-probs", text="the man se", partial=True, model="language-en")
        assert begun["end"] is None

    async def test_a_space_at_the_end_changes_nothing(self, client: httpx.AsyncClient) -> None:
        with_space, without = [
            await ask(client, "/next-word-probs", text=text, model="language-en") for text in ("the man ", "the man")
        ]
        assert with_space == without

    async def test_partial_words(self, client: httpx.AsyncClient) -> None:
        reply = await ask(client, "/next-word-probs", text="the man se", partial=True, model="language-en")
        assert reply["next"]
        assert all(entry["word"].startswith("se") for entry in reply["next"])
        assert sum(entry["probability"] for entry in reply["next"]) + reply["other"] == pytest.approx(1)

    async def test_slips(self, client: httpx.AsyncClient) -> None:
        body = {"text": "the man sww", "partial": True, "model": "language-en"}
        reply = await ask(client, "/next-word-probs", **body, slips=True)
        assert reply["next"]
        assert sum(entry["probability"] for entry in reply["next"]) + reply["other"] == pytest.approx(1)
        assert any(not entry["word"].startswith("sww") for entry in reply["next"])
        for entry in reply["next"]:
            assert entry["word"].startswith(entry["meant"] or "sww")
            assert (entry["slip_logprob"] == 0) == (entry["meant"] is None)
            assert entry["slip_logprob"] <= 0
        other = await ask(client, "/next-word-probs", **body, slips=True, layout="turkish-f")
        assert other["next"] != reply["next"]  # other keys are neighbours

    async def test_a_whole_word_with_slips(self, client: httpx.AsyncClient) -> None:
        """Words end where the letters do: each is explained as a whole."""
        body = {"text": "the man se", "partial": True, "slips": True, "model": "language-en"}
        begun = await ask(client, "/next-word-probs", **body)
        assert begun == await ask(client, "/next-word-probs", **body, whole_word=False)
        reply = await ask(client, "/next-word-probs", **body, whole_word=True)
        assert reply["next"]
        assert reply["next"] != begun["next"]
        assert sum(entry["probability"] for entry in reply["next"]) + reply["other"] == pytest.approx(1)
        for entry in reply["next"]:
            assert abs(len(entry["word"]) - len("se")) <= 2
            assert entry["meant"] == (None if entry["word"] == "se" else entry["word"])
            assert (entry["slip_logprob"] == 0) == (entry["word"] == "se")
        none = {"text": "the man ", "partial": True, "slips": True, "model": "language-en"}
        assert await ask(client, "/next-word-probs", **none) == await ask(
            client, "/next-word-probs", **none, whole_word=True
        )

    async def test_without_slips_the_letters_stand_as_they_are(self, client: httpx.AsyncClient) -> None:
        body = {"text": "the man se", "partial": True, "model": "language-en"}
        plain = await ask(client, "/next-word-probs", **body)
        assert plain == await ask(client, "/next-word-probs", **body, slips=False, layout="qwerty")
        assert all(entry.keys() == {"word", "probability", "logprob"} for entry in plain["next"])
        tolerant = await ask(client, "/next-word-probs", **body, slips=True)
        begun = [entry["word"] for entry in tolerant["next"] if entry["word"].startswith("se")]
        assert begun[0] == plain["next"][0]["word"]

    async def test_slips_of_a_text_in_pieces_and_of_no_letters(self, client: httpx.AsyncClient) -> None:
        ask_for = {"partial": True, "slips": True, "model": "language-en"}
        whole = await ask(client, "/next-word-probs", text="the man sww", **ask_for)
        first = await ask(client, "/next-word-probs", text="the man s", return_state=True, **ask_for)
        assert (await ask(client, "/next-word-probs", text="ww", state=first["state"], **ask_for))["next"] == whole[
            "next"
        ]
        none = await ask(client, "/next-word-probs", text="the man ", **ask_for)
        assert all(entry["meant"] is None and entry["slip_logprob"] == 0 for entry in none["next"])
        long = await ask(client, "/next-word-probs", text="the man " + "s" * 60, **ask_for)
        assert all(entry["meant"] is None for entry in long["next"])

    async def test_candidates(self, client: httpx.AsyncClient) -> None:
        reply = await ask(
            client, "/next-word-probs", text="the man", candidates=["dog", "sees", "dog"], model="language-en"
        )
        assert {entry["word"] for entry in reply["next"]} == {"dog", "sees"}
        assert sum(entry["probability"] for entry in reply["next"]) + reply["other"] == pytest.approx(1)


class TestClassify:
    async def test_one_and_many(self, client: httpx.AsyncClient) -> None:
        one = await ask(client, "/classify", text="a good film", model="sentiment-en")
        many = await ask(client, "/classify", text=["the story was bad", "a good film"], model="sentiment-en")
        assert len(one["results"]) == 1
        assert len(many["results"]) == 2
        assert many["results"][1]["score"] == pytest.approx(one["results"][0]["score"], abs=1e-5)
        for result in many["results"]:
            assert sum(result["scores"].values()) == pytest.approx(1)
            assert result["score"] == max(result["scores"].values()) == result["scores"][result["label"]]

    async def test_explanations_sum_to_the_logit(self, client: httpx.AsyncClient) -> None:
        text = "çok güzel 🧿 bir film"
        reply = await ask(client, "/classify", text=text, model="sentiment-tr", explain=True)
        (result,) = reply["results"]
        total = sum(part["contribution"] for part in result["explanation"]) + result["bias"]
        assert total == pytest.approx(result["logit"], abs=1e-4)
        for part in result["explanation"]:
            assert part["token"] == text[part["start"] : part["end"]]


class TestTranslate:
    async def test_attention_alternatives_and_detection(self, client: httpx.AsyncClient) -> None:
        reply = await ask(
            client, "/translate", text="Where is the station? It is near the bridge.", target="tr", attention=True,
            alternatives=2,
        )  # fmt: skip
        assert (reply["model"], reply["source"], reply["target"]) == ("translation-en-tr", "auto", "tr")
        (result,) = reply["results"]
        assert result["detected"]["language"] == "en"
        assert len(result["alternatives"]) <= 2
        attention = result["attention"]
        assert len(attention["weights"]) == len(attention["target_tokens"])
        for row in attention["weights"]:
            assert len(row) == len(attention["source_tokens"])
            assert sum(row) == pytest.approx(1, abs=1e-4)

    async def test_the_only_target_need_not_be_named(self, client: httpx.AsyncClient) -> None:
        for text, target in (("Where is the old station?", "tr"), ("Eski istasyon nerede?", "en")):
            reply = await ask(client, "/translate", text=text)
            assert reply == await ask(client, "/translate", text=text, target=target)
            assert reply["target"] == target

    async def test_a_prefix_and_the_likeliest_tokens(self, client: httpx.AsyncClient) -> None:
        body = {"text": "Where is the station?", "source": "en", "target": "tr"}
        (plain,) = (await ask(client, "/translate", **body))["results"]
        assert "tokens" not in plain
        (result,) = (await ask(client, "/translate", **body, prefix="Eski ", top_tokens=3, alternatives=2))["results"]
        assert all(text.startswith("Eski ") for text in (result["text"], *result["alternatives"]))
        for token in result["tokens"]:
            assert 0 <= token["start"] <= token["end"] <= len(result["text"])
            assert len(token["top"]) == 3
        streamed = await client.post("/translate", json=body | {"prefix": "Eski ", "stream": True})
        assert "event: sentence" in streamed.text
        assert '"text":"Eski ' in streamed.text

    @pytest.mark.parametrize(
        ("changes", "detail"),
        [
            ({"text": ["Where?"]}, "prefix goes with one text"),
            ({"format": "html"}, "prefix goes with format text only"),
            ({"text": "42"}, "no translation begins with this prefix"),
            ({"prefix": "k ö " * 60}, "prefix has [0-9]+ tokens"),
            ({"target": "en", "source": "auto"}, "in the target language already"),
        ],
    )
    async def test_a_prefix_that_can_not_be(
        self, client: httpx.AsyncClient, changes: dict[str, object], detail: str
    ) -> None:
        body = {"text": "Where is the station?", "source": "en", "target": "tr", "prefix": "Eski", **changes}
        reply = await client.post("/translate", json=body)
        assert reply.status_code == 422
        (error,) = reply.json()["errors"]
        assert re.search(detail, error["detail"])
        assert "Eski" not in reply.text

    async def test_attention_has_a_limit(self, client: httpx.AsyncClient) -> None:
        body = {"text": ["ŵ" * 140] * 2, "source": "en", "target": "tr", "beam_size": 1}
        assert (await client.post("/translate", json=body)).status_code == 200
        refused = await client.post("/translate", json=body | {"attention": True})
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert error["pointer"] == "/attention"
        assert "at most 512 source tokens; given: 5" in error["detail"]

    async def test_html(self, client: httpx.AsyncClient) -> None:
        texts = ["<p>Where is the <b class='a'>station</b>? <br>It is near the bridge.", "Where is the station?"]
        body = {"source": "en", "target": "tr", "attention": True, "alternatives": 1}
        page, plain = (await ask(client, "/translate", text=texts, format="html", **body))["results"]
        assert re.findall("<[^>]*>", page["text"]) == ["<p>", "<b class='a'>", "</b>", "<br>"]
        assert [plain] == (await ask(client, "/translate", text=texts[1:], **body))["results"]
        attention = page["attention"]
        assert len(attention["weights"]) == len(attention["target_tokens"])

    async def test_html_says_what_plain_text_says(self, client: httpx.AsyncClient) -> None:
        pages = [
            "<p>Where is the <b class='a'>station</b>?</p>", "<i>the</i> man <b>sees <u>the</u></b> dog, <a>now</a>!",
            "the <b>man</b> sees 12 dogs and <i>7 films</i>. <b>very</b> bad", "<b>THE</b> MAN<!-- c --> SEES",
            "un<b>happy</b> <b></b>people<i> </i>see https://<u>example</u>.org", "<b>the <i>man</b> sees</i> it</u>.",
            "fish &amp; <b>chips</b> &lt;now&gt;", "Mr. <b>Smith</b> sees. <b>A dog. It</b> sees.",
        ]  # fmt: skip
        plain = [stripped(page) for page in pages]
        for beam_size in (1, 3):
            body = {"source": "en", "target": "tr", "beam_size": beam_size}
            html, text = [], []
            for start in range(0, len(pages), 4):
                part = slice(start, start + 4)
                html += (await ask(client, "/translate", text=pages[part], format="html", **body))["results"]
                text += (await ask(client, "/translate", text=plain[part], **body))["results"]
            assert [one | {"text": stripped(one["text"])} for one in html] == text
            for page, one in zip(pages, html, strict=True):
                assert sorted(re.findall(TAG, one["text"])) == sorted(re.findall(TAG, page))

    async def test_many_texts_keep_their_order(self, client: httpx.AsyncClient) -> None:
        texts = ["the man sees the dog.", "bad", "a very good film: we liked it!"]
        together = await ask(client, "/translate", text=texts, source="en", target="tr", beam_size=2)
        for text, result in zip(texts, together["results"], strict=True):
            alone = await ask(client, "/translate", text=text, source="en", target="tr", beam_size=2)
            assert alone["results"][0]["text"] == result["text"]


class TestInspect:
    async def test_the_cell_is_what_is_kept_and_what_enters(self, client: httpx.AsyncClient) -> None:
        reply = await ask(client, "/inspect", text="the man sees", model="language-en", top=3)
        tokens = (await ask(client, "/tokenize", text="the man sees", model="language-en"))["tokens"]
        assert (reply["tokens"], reply["directions"], len(reply["units"])) == (tokens, ["forward"], 3)
        for unit in reply["units"]:
            cells = unit["cell"]
            before = [unit["start_cell"], *cells[:-1]]
            assert unit["start_cell"] != 0  # a language model has read an end token
            steps = zip(unit["forget"], before, unit["input"], unit["candidate"], cells, strict=True)
            for forget, before, enters, candidate, cell in steps:
                assert cell == pytest.approx(forget * before + enters * candidate, abs=2e-3)
            gates = zip(unit["output"], cells, unit["hidden"], strict=True)
            assert all(hidden == pytest.approx(output * math.tanh(cell), abs=2e-3) for output, cell, hidden in gates)

    async def test_the_units_that_changed_most_come_first(self, client: httpx.AsyncClient) -> None:
        body = {"text": "a good film, a bad film", "model": "sentiment-en", "direction": "backward"}
        every = await ask(client, "/inspect", **body, top=64)
        changes = [unit["change"] for unit in every["units"]]
        assert changes == sorted(changes, reverse=True)
        assert len(changes) == every["hidden"]
        assert sum(every["change"]) == pytest.approx(sum(changes) / every["hidden"], abs=0.01)
        chosen = [unit["unit"] for unit in every["units"]][2::-1]
        some = await ask(client, "/inspect", **body, units=chosen)
        assert [unit["unit"] for unit in some["units"]] == chosen
        assert some["units"] == every["units"][2::-1]

    @pytest.mark.parametrize("direction", ["forward", "backward"])
    async def test_units_are_found_by_what_they_tell(self, client: httpx.AsyncClient, direction: str) -> None:
        body = {"text": "a good film, a bad film", "model": "sentiment-en", "direction": direction, "top": 64}

        def cell(unit: dict) -> float:
            return float(unit["change"])

        def hidden(unit: dict) -> float:
            return sum(abs(after - before) for before, after in pairwise(unit["hidden"]))

        def straight(unit: dict) -> float:
            cells = unit["cell"] if direction == "forward" else unit["cell"][::-1]
            return cells[-1] ** 2 / unit["change"]  # a classifier's first cell is 0

        for find, measure in {"cell": cell, "hidden": hidden, "counters": straight}.items():
            values = [measure(unit) for unit in (await ask(client, "/inspect", **body, find=find))["units"]]
            assert all(one >= other - 0.005 for one, other in pairwise(values)), find

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"layer": 9}, "/layer"), ({"direction": "backward"}, "/direction"), ({"units": [0, 100_000]}, "/units"),
            ({"model": "translation-en-tr"}, "/model"),
        ],
    )  # fmt: skip
    async def test_what_is_not_there_is_named(self, client: httpx.AsyncClient, change: dict, pointer: str) -> None:
        response = await client.post("/inspect", json={"text": "the man", "model": "language-en", **change})
        assert response.status_code == 404
        assert response.json()["errors"][0]["pointer"] == pointer


class TestModels:
    async def test_listing_and_detail(self, client: httpx.AsyncClient) -> None:
        models = (await client.get("/models")).json()["models"]
        assert [model["name"] for model in models] == [
            "language-en", "language-tr", "sentiment-en", "sentiment-tr", "titles-en", "translation-en-tr",
        ]  # fmt: skip
        for model in models:
            detail = (await client.get(f"/models/{model['name']}")).json()
            assert detail["card"] == "# tiny\n"
            assert {key: detail[key] for key in model} == model

    async def test_tokens_cover_the_text(self, client: httpx.AsyncClient) -> None:
        text = "the man sees 🧿"
        reply = await ask(client, "/tokenize", text=text, model="language-en")
        assert reply["count"] == len(reply["tokens"])
        assert reply["tokens"][0]["start"] == 0
        assert reply["tokens"][-1]["end"] == len(text)

    @pytest.mark.parametrize(
        ("path", "body", "wanted"),
        [
            ("/generate", {"prompt": "The man went to the market with his dog", "max_new_tokens": 1}, "language-en"),
            ("/generate", {"prompt": "Adam köpeğiyle birlikte çarşıya gitti", "max_new_tokens": 1}, "language-tr"),
            ("/next-word-probs", {"text": "Bugün hava çok güzel olacak"}, "language-tr"),
            ("/classify", {"text": "Bu filmi hiç beğenmedim"}, "sentiment-tr"),
            ("/classify", {"text": ["I liked this film very much"]}, "sentiment-en"),
        ],
    )
    async def test_the_model_follows_the_language(self, client, path: str, body: dict, wanted: str) -> None:
        assert (await ask(client, path, **body))["model"] == wanted


class TestPages:
    async def test_health(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/livez")).json() == {"status": "ok"}
        assert len((await client.get("/readyz")).json()["models"]) == 6

    async def test_the_playground_is_asked_for_anew(self, client: httpx.AsyncClient) -> None:
        for path in ("/", "/playground/main.js", "/playground/style.css"):
            response = await client.get(path)
            assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")
            assert "etag" in response.headers

    async def test_the_api_page_loads_nothing_from_elsewhere(self, client: httpx.AsyncClient) -> None:
        page = await client.get("/docs")
        assert page.status_code == 200
        assert "://" not in page.text, "an address of another host"
        for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
            assert f'"static/swagger-ui/{asset}"' in page.text  # relative: a proxy may have stripped a prefix
            assert (await client.get(f"/static/swagger-ui/{asset}")).status_code == 200

    async def test_limits_stand_in_the_openapi_document(self, client: httpx.AsyncClient) -> None:
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
        generate = schemas["GenerateRequest"]["properties"]
        prompt, null = generate["prompt"]["anyOf"]
        assert (prompt["maxLength"], null) == (500, {"type": "null"})
        number, _ = generate["max_new_tokens"]["anyOf"]
        assert (number["maximum"], generate["max_new_tokens"]["default"]) == (40, 40)
        one, many = schemas["ClassifyRequest"]["properties"]["text"]["oneOf"]
        assert (one["maxLength"], many["maxItems"], many["items"]["maxLength"]) == (400, 4, 400)

    async def test_the_pages_examples_can_be_sent_as_they_are(self, client_of_all_kinds: httpx.AsyncClient) -> None:
        document = (await client_of_all_kinds.get("/openapi.json")).json()
        for path, route in document["paths"].items():
            content = route.get("post", {}).get("requestBody", {}).get("content", {})
            if "application/json" in content:  # others take files
                shape = content["application/json"]["schema"]
                if "$ref" in shape:
                    shape = document["components"]["schemas"][shape["$ref"].split("/")[-1]]
                example = shape["examples"][0]
                response = await client_of_all_kinds.post(path.format(model="language-en"), json=example)
                assert response.status_code == 200, (path, response.text)

    async def test_a_request_id_comes_back(self, client: httpx.AsyncClient) -> None:
        kept = await client.get("/livez", headers={"x-request-id": "abc-1"})
        made = await client.get("/livez", headers={"x-request-id": "no good\tid"})
        assert kept.headers["x-request-id"] == "abc-1"
        assert len(made.headers["x-request-id"]) == 32


class TestNormalization:
    """Texts that look the same give the same results; offsets refer to the text as it was sent."""

    DECOMPOSED = "c\u0327ok gu\u0308zel\u00a0bir \ufefffilm"
    COMPOSED = "çok güzel bir film"

    async def test_answers_are_the_same(self, client: httpx.AsyncClient) -> None:
        for path, field, more in (
            ("/generate", "prompt", {"model": "language-tr", "seed": 1, "temperature": 0.0}),
            ("/next-word-probs", "text", {"model": "language-tr"}),
            ("/next-word-probs", "text", {"model": "language-tr", "partial": True}),
            ("/classify", "text", {"model": "sentiment-tr"}),
        ):
            sent, composed = [
                (await client.post(path, json={field: text, **more})).json()
                for text in (self.DECOMPOSED, self.COMPOSED)
            ]
            assert sent == composed

    async def test_offsets_are_those_of_the_text_as_sent(self, client: httpx.AsyncClient) -> None:
        body = {"text": self.DECOMPOSED, "model": "sentiment-tr", "explain": True}
        (result,) = (await client.post("/classify", json=body)).json()["results"]
        body = {"text": self.DECOMPOSED, "model": "language-tr"}
        tokens = (await client.post("/tokenize", json=body)).json()["tokens"]
        inspected = (await client.post("/inspect", json=body)).json()["tokens"]
        for spans in (result["explanation"], tokens, inspected):
            for span in spans:
                assert span.get("token", span.get("text")) == self.DECOMPOSED[span["start"] : span["end"]]
            assert (spans[0]["start"], spans[-1]["end"]) == (0, len(self.DECOMPOSED))


class TestOtherLanguages:
    @pytest.mark.parametrize(
        ("text", "language"), [("Привет!", "ru"), ("مرحبا بالعالم", "ar"), ("これは本です", "ja"), ("你好", "zh")]
    )
    @pytest.mark.parametrize(
        ("path", "field"),
        [("/generate", "prompt"), ("/next-word-probs", "text"), ("/classify", "text"), ("/translate", "text")],
    )
    async def test_a_script_that_no_model_reads_is_said_however_short(
        self, client: httpx.AsyncClient, path: str, field: str, text: str, language: str
    ) -> None:
        refused = await client.post(path, json={field: text})
        assert refused.status_code == 404
        assert f"the text seems to be in {language!r}" in refused.json()["detail"]

    @pytest.mark.parametrize(
        ("text", "target"), [("şehir", "en"), ("ğ", "en"), ("New York'a gittim", "en"), ("water", "tr")]
    )
    async def test_letters_tell_languages_apart(self, client: httpx.AsyncClient, text: str, target: str) -> None:
        assert (await ask(client, "/translate", text=text, beam_size=1))["target"] == target
