"""What the OpenAPI document cannot say, for schemathesis (which loads it by SCHEMATHESIS_HOOKS).

The ids that a route accepts are those of the model's vocabulary, which no JSON schema knows: ids that schemathesis
generates are brought into it. Nor does it know which outputs and parameters the model in a path under /v2 or /hf has,
that a tensor's shape is that of its data, that a form's list of one text is that text, that the query string has the
fields of a form without a body, which bytes are a picture, which words and voices a model speaks,
with what a translation can begin, what the state of a training is, where a text has characters to mark, which
characters are letters, and, as its numbers are floats, where 64 bits end: valid requests are brought to that.
"""

from base64 import b64decode
from typing import Any

import schemathesis
from schemathesis.core import NOT_SET

from app.http.schemas.describe import EXAMPLE

VOCABULARY = 300
"""No more ids than the tiny models have."""


COMPLETIONS = ("POST /v1/completions", "POST /hf/{model}/v1/completions")
DETOKENIZE = ("POST /detokenize", "POST /hf/{model}/detokenize")
SEEDED = (*COMPLETIONS, "POST /v1/images/generations", "POST /v1/audio/speech")
MAX_SEED = 2**63 - 1
SPOKEN = {"POST /speak": "text", "POST /v1/audio/speech": "input"}
"""Of routes that speak, the field of the text."""
PICTURE = b64decode(EXAMPLE)


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Bring token ids of a body into the vocabulary."""
    return _with_known_ids(context.operation.label if context.operation else "", body)


def _with_known_ids(label: str, body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    if label in DETOKENIZE and isinstance(body.get("tokens"), list):
        body["tokens"] = _ids_within(body["tokens"])
    if label in COMPLETIONS:
        bias = body.get("logit_bias")
        if isinstance(bias, dict):
            body["logit_bias"] = {_within(token): value for token, value in bias.items()}
        if "prompt" in body:
            body["prompt"] = _ids_within(body["prompt"])
    return body


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Bring a valid request to what the document can't say."""
    body: Any = case.body
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    label = case.operation.label
    if label == "POST /libretranslate/translate" and body is NOT_SET:
        case.query = {**(case.query or {}), "q": "a", "source": "en", "target": "tr"}
    if label == "POST /describe":
        case.body = body = _with_picture(body)
    if not isinstance(body, dict):
        return
    case.body = body = _with_known_words(
        label, _with_known_ids(label, dict(body))
    )  # not every phase of schemathesis calls map_body
    if label == "POST /v2/models/{model}/infer":
        inputs = [tensor | {"shape": [len(tensor["data"])], "parameters": None} for tensor in body["inputs"]]
        case.body = body | {"inputs": inputs, "outputs": None, "parameters": None}
    elif label == "POST /hf/{model}":
        case.body = body | {"parameters": None, "stream": None}
    elif label in COMPLETIONS and "model" in case.path_parameters:
        case.path_parameters["model"] = "language-en"
    if label in SEEDED and _is_number(body.get("seed")):
        case.body = body = body | {"seed": max(-MAX_SEED, min(body["seed"], MAX_SEED))}
    if label == "POST /libretranslate/translate" and isinstance(body.get("q"), list) and len(body["q"]) == 1:
        case.body = body | {"q": [body["q"][0].strip() or "a"]}


def _with_known_words(label: str, body: dict[str, Any]) -> dict[str, Any]:
    """A body with texts that have letters, or, to be spoken, with words, a voice and a model that there are."""
    if label == "POST /translate":
        return body | {"prefix": None}
    if label == "POST /inspect":
        return body | {"marked": None}
    if label == "POST /train":
        return body | {"state": None, "steps": 1}
    if label == "POST /summarize":
        return body | {"text": _with_letters(body["text"])}
    if label not in SPOKEN:
        return body
    model = {"model": "digits-speaker"} if "model" in body else {}
    return body | {SPOKEN[label]: "three seven one", "voice": "theo"} | model


def _with_letters(text: Any) -> Any:
    """A text, or texts, to be summarized: one without letters is refused."""
    if isinstance(text, list):
        return [_with_letters(entry) for entry in text]
    return text if any(map(str.isalpha, text)) else "a"


def _with_picture(body: Any) -> Any:
    """A body whose file is a picture: the bytes themselves, a form's field, or base64 in JSON."""
    if not isinstance(body, dict):
        return PICTURE
    as_json = {"image": EXAMPLE} if "image" in body else {}
    return body | as_json | ({"file": PICTURE} if "file" in body else {})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(token: Any) -> Any:
    return str(int(token) % VOCABULARY) if isinstance(token, str) and token.isascii() and token.isdigit() else token


def _ids_within(prompt: Any) -> Any:
    if isinstance(prompt, list):
        return [_ids_within(entry) for entry in prompt]
    whole = _is_number(prompt) and prompt >= 0 and prompt == int(prompt)  # 5.0 is an integer in JSON schema
    return int(prompt) % VOCABULARY if whole else prompt
