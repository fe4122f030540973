"""The real `tritonclient` against a live server: the Open Inference Protocol, as KServe and Triton have it."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from tests.conftest import Live, Serve

TEXTS = ["the man sees the dog.", "a good film"]
NATIVE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "sentiment-en": ("/classify", "text", {}),
    "translation-en-tr": ("/translate", "text", {"source": "en", "target": "tr", "beam_size": 2}),
    "titles-en": ("/summarize", "text", {"beam_size": 2, "max_new_tokens": 6}),
    "language-en": (
        "/generate",
        "prompt",
        {"max_new_tokens": 8, "temperature": 1.2, "seed": 4, "stop": "q", "typical_p": 0.7},
    ),
}
"""For each model, the native route of its task, its field, and parameters."""
ROUTES = (
    ("GET", "/v2"), ("GET", "/v2/models/none"), ("GET", "/v2/models/none/ready"), ("POST", "/v2/models/none/infer"),
)  # fmt: skip


@pytest.fixture
def client(live: Live) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(live.url.removeprefix("http://")) as client:
        yield client


def tensor_of(texts: list[str], shape: list[int] | None = None, binary: bool = True) -> InferInput:
    shape = shape or [len(texts)]
    tensor = InferInput("text", shape, "BYTES")
    tensor.set_data_from_numpy(
        np.array([text.encode() for text in texts], dtype=object).reshape(shape), binary_data=binary
    )
    return tensor


def body_of(texts: Any, **fields: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}], **fields}


def native(live: Live, model: str) -> dict[str, list[Any]]:
    """What the native route answers, as the outputs of the protocol."""
    path, field, parameters = NATIVE[model]
    more: dict[str, Any] = {**parameters, "model": model}
    if field == "prompt":
        more["stop"] = [more["stop"]]
        replies = [httpx.post(f"{live.url}{path}", json={field: text, **more}).json() for text in TEXTS]
        choices = [choice for reply in replies for choice in reply["choices"]]
        return {"generated_text": [choice["text"] for choice in choices],
                "finish_reason": [choice["finish_reason"] for choice in choices]}  # fmt: skip
    results = httpx.post(f"{live.url}{path}", json={field: TEXTS, **more}).json()["results"]
    if path == "/summarize":
        return {"summary_text": [one["summary"] for one in results], "score": [one["score"] for one in results]}
    if path == "/translate":
        return {"translation_text": [one["text"] for one in results], "score": [one["score"] for one in results]}
    return {
        "label": [one["label"] for one in results],
        "score": [one["score"] for one in results],
        "scores": [list(one["scores"].values()) for one in results],
    }


def decoded(array: Any) -> Any:
    """An array's elements; those of BYTES are bytes in binary, and texts in JSON."""
    if array.dtype != np.object_:
        return array
    return np.vectorize(lambda one: one.decode() if isinstance(one, bytes) else one, otypes=[object])(array)


class TestServer:
    def test_health_and_metadata(self, client: InferenceServerClient) -> None:
        assert client.is_server_live()
        assert client.is_server_ready()
        metadata = client.get_server_metadata()
        assert metadata["name"] == "carousel"
        assert "binary_tensor_data" in metadata["extensions"]

    @pytest.mark.parametrize("model", NATIVE)
    def test_a_model(self, client: InferenceServerClient, live: Live, model: str) -> None:
        assert client.is_model_ready(model)
        metadata = client.get_model_metadata(model)
        assert metadata["name"] == model
        assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
        assert [output["name"] for output in metadata["outputs"]] == list(native(live, model))

    def test_labels_are_those_of_the_last_dimension(self, client: InferenceServerClient, live: Live) -> None:
        scores = client.get_model_metadata("sentiment-en")["outputs"][-1]
        (result,) = httpx.post(f"{live.url}/classify", json={"text": "a good film"}).json()["results"]
        assert scores["parameters"] == {"labels": list(result["scores"])}
        assert scores["shape"] == [-1, len(result["scores"])]

    def test_no_such_model(self, client: InferenceServerClient) -> None:
        assert not client.is_model_ready("none")
        for ask in (client.get_model_metadata, lambda name: client.infer(name, [tensor_of(TEXTS)])):
            with pytest.raises(InferenceServerException, match="no such model") as refusal:
                ask("none")
            assert refusal.value.status() == "404"

    def test_a_version_is_none(self, client: InferenceServerClient) -> None:
        with pytest.raises(InferenceServerException, match=r"POST /v2/models/\{model\}/infer") as refusal:
            client.infer("sentiment-en", [tensor_of(TEXTS)], model_version="1")
        assert refusal.value.status() == "404"
        assert not client.is_model_ready("sentiment-en", "1")

    def test_where_the_server_stops(self, serve: Serve) -> None:
        stopped = serve()
        stopped.app.state.engine.drain(0)
        with InferenceServerClient(stopped.url.removeprefix("http://")) as client:
            assert not client.is_server_ready()
            assert not client.is_model_ready("language-en")


class TestInfer:
    @pytest.mark.parametrize("binary", [True, False])
    @pytest.mark.parametrize("shape", [[2], [2, 1], [1, 2]])
    @pytest.mark.parametrize("model", NATIVE)
    def test_it_is_what_the_native_route_answers(
        self, client: InferenceServerClient, live: Live, model: str, shape: list[int], binary: bool
    ) -> None:
        expected = native(live, model)
        outputs = None if binary else [InferRequestedOutput(name, binary_data=False) for name in expected]
        result = client.infer(
            model, [tensor_of(TEXTS, shape, binary)], request_id="7", outputs=outputs, parameters=NATIVE[model][2]
        )
        reply = result.get_response()
        assert (reply["id"], reply["model_name"]) == ("7", model)
        described = {output["name"]: output for output in client.get_model_metadata(model)["outputs"]}
        assert [output["name"] for output in reply["outputs"]] == list(expected) == list(described)
        for output in reply["outputs"]:
            values = decoded(result.as_numpy(output["name"]))
            assert list(values.shape) == output["shape"] == shape + described[output["name"]]["shape"][1:]
            flat = values.reshape(len(TEXTS), -1).tolist()
            whole = np.array(expected[output["name"]], dtype=values.dtype).reshape(len(TEXTS), -1).tolist()
            assert flat == (whole if output["datatype"] == "BYTES" else [pytest.approx(row, rel=1e-5) for row in whole])

    def test_only_the_outputs_that_are_named(self, client: InferenceServerClient) -> None:
        outputs = [InferRequestedOutput("scores"), InferRequestedOutput("label", binary_data=False)]
        result = client.infer("sentiment-en", [tensor_of(TEXTS)], outputs=outputs)
        assert result.as_numpy("scores").shape == (2, 2)
        assert result.as_numpy("label").shape == (2,)
        assert result.as_numpy("score") is None

    def test_nested_data_and_nulls(self, live: Live) -> None:
        tensor = {"name": "text", "shape": [2, 1], "datatype": "BYTES", "data": [[text] for text in TEXTS]}
        nulls = {"id": None, "parameters": None, "outputs": None, "unknown": 1}
        every = dict.fromkeys(["temperature", "stop", "seed", "source", "binary_data_output", "timeout", "unknown"])
        for model in NATIVE:
            more = {"parameters": every}
            answer = httpx.post(f"{live.url}/v2/models/{model}/infer", json=body_of(TEXTS, **more))
            assert answer.status_code == 200, answer.text
        url = f"{live.url}/v2/models/sentiment-en/infer"
        nested = httpx.post(url, json={"inputs": [tensor | {"parameters": None}], **nulls})
        flat = httpx.post(url, json=body_of(TEXTS))
        assert nested.status_code == flat.status_code == 200
        assert "id" not in nested.json()
        for one, other in zip(nested.json()["outputs"], flat.json()["outputs"], strict=True):
            assert one["data"] == pytest.approx(other["data"]) if one["datatype"] == "FP32" else other["data"]
            assert [element for element in one["shape"] if element != 1] == other["shape"]

    def test_a_text_alone_is_a_text_among_others(self, client: InferenceServerClient) -> None:
        together = client.infer("translation-en-tr", [tensor_of(TEXTS)], parameters={"source": "en"})
        for index, text in enumerate(TEXTS):
            alone = client.infer("translation-en-tr", [tensor_of([text])], parameters={"source": "en"})
            assert alone.as_numpy("translation_text")[0] == together.as_numpy("translation_text")[index]


class TestRefusals:
    @pytest.mark.parametrize(
        ("model", "change", "message"),
        [
            ("sentiment-en", {"inputs": []}, "inputs: "),
            ("sentiment-en", {"inputs": None}, "inputs: "),
            ("sentiment-en", {"inputs": [body_of(TEXTS)["inputs"][0] | {"name": "INPUT0"}]}, "inputs/0/name: .*'text'"),
            ("sentiment-en", {"inputs": [body_of(TEXTS)["inputs"][0] | {"datatype": "FP32"}]}, "inputs/0/datatype: "),
            ("sentiment-en", {"inputs": [body_of(TEXTS)["inputs"][0] | {"shape": [3]}]}, "inputs/0: .* 3 .* 2"),
            ("sentiment-en", {"inputs": [body_of(TEXTS)["inputs"][0] | {"data": [1, 2]}]}, "inputs/0/data/0: "),
            ("sentiment-en", {"inputs": [body_of(TEXTS)["inputs"][0] | {"data": None}]}, "inputs/0/data: "),
            ("sentiment-en", body_of([]), "inputs/0/data: "),
            ("sentiment-en", body_of(["good", " "]), "inputs/0/data/1: "),
            ("language-en", body_of(["good", " "]), "inputs/0/data/1: "),
            ("language-en", body_of(["good", "\ud800"]), "inputs/0/data/1: "),
            ("sentiment-en", body_of(["good"] * 1_000), "inputs/0/data: .* given: 1000"),
            ("sentiment-en", body_of(["good", "a" * 100_000]), "inputs/0/data/1: .* given: 100000"),
            ("sentiment-en", {"parameters": {"temperature": 1}}, "parameters: .* none"),
            ("language-en", {"parameters": {"max_tokens": 1}}, "parameters: .* max_new_tokens"),
            ("language-en", {"parameters": {"max_new_tokens": 0}}, "parameters/max_new_tokens: .* given: 0"),
            ("language-en", {"parameters": {"temperature": "hot"}}, "parameters/temperature: "),
            ("translation-en-tr", {"parameters": {"target": "fr"}}, "parameters/target: .*en, tr"),
            ("sentiment-en", {"outputs": [{"name": "labels"}]}, "outputs/0/name: .* label, score, scores"),
            ("sentiment-en", {"outputs": [{"name": "label", "parameters": {"classification": 2}}]},
             "outputs/0/parameters/classification: "),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, live: Live, model: str, change: dict[str, Any], message: str) -> None:
        body = json.dumps(body_of(TEXTS) | change)
        response = httpx.post(
            f"{live.url}/v2/models/{model}/infer", content=body, headers={"content-type": "application/json"}
        )
        assert response.status_code in (400, 404)
        assert list(response.json()) == ["error"]
        with pytest.raises(AssertionError, match=message):
            raise AssertionError(response.json()["error"])

    @pytest.mark.parametrize(
        ("size", "binary", "message"),
        [
            (8, struct.pack("<I", 4) + b"good", ""),
            (8, struct.pack("<I", 5) + b"good", "inputs/0/data: its element 0 ends after the data"),
            (6, struct.pack("<I", 4) + b"go", "inputs/0/data: its element 0 ends after the data"),
            (3, b"goo", "inputs/0/data: its element 0 ends after the data"),
            (8, struct.pack("<I", 4) + b"g\xff\xffd", "inputs/0/data/0: it is not UTF-8"),
            (9, struct.pack("<I", 4) + b"good", "inputs/0/data: binary_data_size is 9; given: 8 bytes"),
            (8, struct.pack("<I", 4) + b"good.", "1 bytes after the JSON belong to no input"),
            (-1, b"", "inputs/0/data: binary_data_size is -1; given: 0 bytes"),
            (0, b"", "inputs/0/data: "),
            (400_000, bytes(400_000), "inputs/0/data: it has more than 64 elements"),
        ],
    )
    def test_binary_data(self, live: Live, size: int, binary: bytes, message: str) -> None:
        tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": size}}
        header = json.dumps({"inputs": [tensor]}).encode()
        response = httpx.post(
            f"{live.url}/v2/models/sentiment-en/infer",
            content=header + binary,
            headers={"Inference-Header-Content-Length": str(len(header))},
        )
        assert (response.status_code == 400) == bool(message)
        assert message in response.json().get("error", "")

    @pytest.mark.parametrize("length", ["x", "-1", "", "9" * 30, "1000000"])
    def test_a_header_that_is_no_length(self, live: Live, length: str) -> None:
        headers = {"Inference-Header-Content-Length": length, "content-type": "application/octet-stream"}
        response = httpx.post(f"{live.url}/v2/models/sentiment-en/infer", content=b"{}", headers=headers)
        assert response.status_code == 400
        assert "Inference-Header-Content-Length" in response.json()["error"]

    def test_other_types_of_body(self, live: Live) -> None:
        url, body = f"{live.url}/v2/models/sentiment-en/infer", json.dumps(body_of(TEXTS))
        types = {"application/json; charset=utf-8": 200, "text/plain": 415, "application/x-www-form-urlencoded": 415}
        for media_type, status in types.items():
            response = httpx.post(url, content=body, headers={"content-type": media_type})
            assert response.status_code == status
        assert httpx.post(url, content=body).status_code == 200
        assert httpx.post(url, content="{").status_code == 400

    def test_keys(self, serve: Serve) -> None:
        closed = serve(api_keys="right")
        for method, path in ROUTES:
            response = httpx.request(method, f"{closed.url}{path}", json=body_of(TEXTS))
            assert (response.status_code, list(response.json())) == (401, ["error"])
        with InferenceServerClient(closed.url.removeprefix("http://")) as client:
            assert client.is_server_live()
            assert client.is_server_ready()
            headers = {"Authorization": "Bearer right"}
            assert client.infer("sentiment-en", [tensor_of(TEXTS)], headers=headers).as_numpy("label").shape == (2,)

    def test_limits_and_metrics_are_those_of_all_routes(self, serve: Serve) -> None:
        limited = serve(rate_limit="30/hour")
        url = f"{limited.url}/v2/models/language-en/infer"
        body = body_of(["the man"], parameters={"max_new_tokens": 20})
        first, second = httpx.post(url, json=body), httpx.post(url, json=body)
        assert (first.status_code, second.status_code) == (200, 429)
        assert "ratelimit" in first.headers
        assert int(second.headers["retry-after"]) > 1
        assert list(second.json()) == ["error"]
        page = httpx.get(f"{limited.url}/metrics").text
        assert 'route="/v2/models/{model}/infer",status="429"' in page
