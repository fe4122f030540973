"""The model card that goes with each checkpoint (Mitchell et al. 2019, arXiv:1810.03993)."""

from collections.abc import Mapping
from typing import Any

KIND_SENTENCES = {
    "language": "A recurrent language model: embedding, stacked LSTM, tied softmax.",
    "classifier": "A text classifier: bidirectional LSTM, max and mean pooling, linear head.",
    "translator": "A translator: bidirectional LSTM encoder, attention, LSTM decoder of two layers.",
}
NO_NOTE = "Not recorded: whoever trained this knows what the data's licence allows."
NO_LIMITS = "Knows only what its training data shows. Unexamined for bias; check it before you rely on it."


def write_card(name: str, kind: str, languages: tuple[str, ...], training: Mapping[str, Any], metrics: Any) -> str:
    """Markdown with what the model is, its data and their licence, its command, its numbers, its limits."""
    settings = ", ".join(f"{key} {value}" for key, value in training["settings"].items())
    data = "\n".join(
        f"- {role}: `{source['name']}` (SHA-256 {source['sha256'][:16]}…)"
        for role in ("train", "valid")
        for source in training["data"][role]
    )
    return f"""# {name}

{KIND_SENTENCES[kind]} Languages: {", ".join(languages)}. {training["parameters"]:,} parameters, in half precision.

## Data

{data}

{training.get("data_note") or NO_NOTE}

## Recipe

`{training["command"]}`

Settings: {settings}.

Kept: the weights of step {training["step"]} of the {training["total_steps"]} that the recipe has, after
{training["seconds"] / 60:.0f} minutes on {training["environment"]["machine"]}.
Versions: {", ".join(f"{key} {value}" for key, value in training["environment"]["versions"].items())}.

## Numbers

{numbers_table(metrics)}
## Limits

{training.get("limits") or NO_LIMITS}
"""


def numbers_table(metrics: Mapping[str, Any]) -> str:
    """One table a data set; the same figures as in metrics.json."""
    parts = []
    for evaluation in metrics.get("evaluations", []):
        rows = "".join(f"| {name} | {_figure(value)} |\n" for name, value in _flat(evaluation["scores"]))
        parts.append(f"On `{evaluation['data']['name']}`:\n\n| measure | value |\n|---|---|\n{rows}\n")
    return "".join(parts) or "Not measured yet.\n\n"


def _flat(scores: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in scores.items():
        if isinstance(value, Mapping):
            pairs.extend(_flat(value, f"{prefix}{name} "))
        else:
            pairs.append((prefix + name, value))
    return pairs


def _figure(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|")  # a table's own sign
