"""What the OpenAPI document cannot say, for schemathesis (which loads it by SCHEMATHESIS_HOOKS).

The ids that /v1/completions accepts are those of the model's vocabulary, which no JSON schema knows: ids that
schemathesis generates are brought into it. Nor does it know which outputs and parameters the model in a path under /v2
has, and that a tensor's shape is that of its data: valid requests are brought to that.
"""

from typing import Any

import schemathesis

VOCABULARY = 300
"""No more ids than the tiny models have."""


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Bring token ids of a body into the vocabulary."""
    if context.operation is None or context.operation.label != "POST /v1/completions" or not isinstance(body, dict):
        return body
    bias = body.get("logit_bias")
    if isinstance(bias, dict):
        body["logit_bias"] = {_within(token): value for token, value in bias.items()}
    if "prompt" in body:
        body["prompt"] = _ids_within(body["prompt"])
    return body


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Bring a valid request of /v2 to what each model has."""
    body: Any = case.body
    is_infer = case.operation.label == "POST /v2/models/{model}/infer"
    if not is_infer or not case.meta or not case.meta.generation.mode.is_positive or not isinstance(body, dict):
        return
    inputs = [tensor | {"shape": [len(tensor["data"])], "parameters": None} for tensor in body["inputs"]]
    case.body = body | {"inputs": inputs, "outputs": None, "parameters": None}


def _within(token: Any) -> Any:
    return str(int(token) % VOCABULARY) if isinstance(token, str) and token.isascii() and token.isdigit() else token


def _ids_within(prompt: Any) -> Any:
    if isinstance(prompt, list):
        return [_ids_within(entry) for entry in prompt]
    whole = isinstance(prompt, int) and not isinstance(prompt, bool) and prompt >= 0
    return prompt % VOCABULARY if whole else prompt
