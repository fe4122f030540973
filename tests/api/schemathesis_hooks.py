"""What the OpenAPI document cannot say, for schemathesis (which loads it by SCHEMATHESIS_HOOKS).

The ids that /v1/completions accepts are those of the model's vocabulary, which no JSON schema knows: ids that
schemathesis generates are brought into it.
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


def _within(token: Any) -> Any:
    return str(int(token) % VOCABULARY) if isinstance(token, str) and token.isascii() and token.isdigit() else token


def _ids_within(prompt: Any) -> Any:
    if isinstance(prompt, list):
        return [_ids_within(entry) for entry in prompt]
    whole = isinstance(prompt, int) and not isinstance(prompt, bool) and prompt >= 0
    return prompt % VOCABULARY if whole else prompt
