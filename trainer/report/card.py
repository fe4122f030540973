"""The model card that goes with each checkpoint (Mitchell et al. 2019, arXiv:1810.03993)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models.kinds import kind_named
from trainer.evaluation.domains import is_in_domain

INFINITE = 1e290
"""A perplexity of this size or more means that some words had zero probability."""
FIGURES = ("perplexity_per_word", "accuracy", "bleu", "rougeL", "nats", "word_accuracy", "word_error_rate")
"""Of a language model, a classifier, a translator and a summarizer: the one that tells domains apart."""
LONGEST_EXAMPLE = 600
"""Characters of an example that are shown."""
NO_NOTE = "Not recorded: whoever trained this knows what the data's licence allows."
NO_LIMITS = "Knows only what its training data shows. Unexamined for bias; check it before you rely on it."
UNFIT = {
    "language": "Do not use it for facts or advice, or for text that nobody reads before it is published.",
    "classifier": "Do not use it to decide about people, or on text of another kind before you have measured it there.",
    "captioner": "Do not use it where a wrong digit does harm, or on pictures of another kind.",
    "recognizer": "Do not use it where a wrong word does harm, or for other words, languages or voices unmeasured.",
    "speaker": "Do not use it where somebody could take what it says for a recording of a person.",
    "image": "Do not use it where somebody could take what it draws for a person's handwriting.",
    "translator": "Do not use it where a mistake does harm (medicine, law, contracts, safety), or for text that nobody "
    "checks before it is used.",
    "summarizer": "Do not use it where a summary that says what its text does not would do harm, or unchecked.",
}
"""What not to use a model for, by its task."""


def write_card(
    name: str,
    kind: str,
    languages: tuple[str, ...],
    training: Mapping[str, Any],
    metrics: Any,
    quality: Mapping[str, Any] | None = None,
    examples: Mapping[str, Any] | None = None,
) -> str:
    """Markdown: the model, its data and their licence, its command, its scores, its limits.

    quality and examples are the contents of quality.json and examples.json.
    """
    trained_on = [source["name"] for source in training["data"]["train"]]
    settings = ", ".join(f"{key} {value}" for key, value in training["settings"].items())
    data = "\n".join(
        f"- {role}: `{source['name']}` ({_proof(source)}…)"
        for role in ("train", "valid")
        for source in training["data"][role]
    )
    return f"""# {name}

{kind_named(kind).sentence} Languages: {", ".join(languages)}. {_size(kind, training["parameters"])}.

## Data

{data}

{training.get("data_note") or NO_NOTE}

## Recipe

`{training["command"]}`
{_origin(kind, training)}
Settings: {settings}.

{_course(training)} on {training["environment"]["machine"]}.
Versions: {", ".join(f"{key} {value}" for key, value in training["environment"]["versions"].items())}.

## Numbers

{_domains(metrics, trained_on)}{numbers_table(metrics)}
Intervals are 95% confidence intervals of a bootstrap.

{_further(kind, metrics, quality, examples, trained_on)}## Limits

{training.get("limits") or NO_LIMITS}

{UNFIT[kind_named(kind).task]}
"""


def _further(
    kind: str,
    metrics: Any,
    quality: Mapping[str, Any] | None,
    examples: Mapping[str, Any] | None,
    trained_on: Sequence[str],
) -> str:
    """The sections that only some models have."""
    reliability = _reliability(quality) if quality else ""
    return _pictures(kind, metrics) + reliability + (_examples(examples, trained_on) if examples else "")


def _pictures(kind: str, metrics: Any) -> str:
    """What a model that draws has drawn; there is a file of it beside a model that was measured."""
    if kind_named(kind).task != "image" or not metrics:
        return ""
    return """## Drawings

64, of each class in turn, with the seed 1 and the default guidance: nobody chose them.

![64 drawings](drawings.png)

"""


def _size(kind: str, numbers: int) -> str:
    return (
        f"{numbers:,} numbers in its tables"
        if kind_named(kind).counted
        else f"{numbers:,} parameters, in half precision"
    )


def _course(training: Mapping[str, Any]) -> str:
    """How long training took, and which weights were kept."""
    if "step" not in training:
        return f"Made in {training['seconds']:.0f} seconds"
    return (
        f"Kept: the weights of step {training['step']} of the {training['total_steps']} that the recipe has, after\n"
        f"{training['seconds'] / 60:.0f} minutes"
    )


def _proof(source: Mapping[str, str]) -> str:
    return f"SHA-256 {source['sha256'][:16]}" if "sha256" in source else f"fingerprint {source['fingerprint'][:16]}"


def _origin(kind: str, training: Mapping[str, Any]) -> str:
    """The model it was initialised from, its calibration, and what its list of known words is for."""
    lines = []
    if "start" in training:
        start = training["start"]
        lines.append(f"It was initialised from `{start['name']}` (version {start['version'][:16]}…).")
    if "calibration" in training:
        notes = training["calibration"]
        lines.append(
            f"Its logits are divided by {notes['temperature']:.3f}, which calibrates its probabilities: on the "
            f"validation data the expected calibration error goes from "
            f"{notes['calibration_error_before']:.3f} to {notes['calibration_error_cross_fitted']:.3f} (each half of "
            "the texts with the temperature of the other)."
        )
    words = training.get("data_report", {}).get("known_words", {})
    if words.get("kept"):
        use = (
            "Words with a capital that are not among the {:,} of the training text are taken for names, and kept"
            if kind == "translator"
            else "`/next-word-probs` lists the {:,} words of the training text and no others"
        ).format(words["words"])
        unknown = f"{words['unknown_in_validation']:.2%} of the validation text's words are not among them."
        lines.append(f"{use}: {unknown}")
    return "".join(f"\n{line}\n" for line in lines)


def numbers_table(metrics: Mapping[str, Any]) -> str:
    """One table for each data set, with the figures of metrics.json."""
    parts = []
    for number, evaluation in enumerate(metrics.get("evaluations", []), 1):
        scores = evaluation["scores"]
        rows = "".join(f"| {name} | {_figure(value)} |\n" for name, value in _flat(scores))
        picture = f"![confusion and reliability](evaluation-{number}.png)\n\n" if "confusion" in scores else ""
        parts.append(f"On `{evaluation['data']['name']}`:\n\n| measure | value |\n|---|---|\n{rows}\n{picture}")
    return "".join(parts) or "Not measured yet.\n\n"


def _domains(metrics: Mapping[str, Any], trained_on: Sequence[str]) -> str:
    """One row for each data set: the figure that matters, on text of the training data's kind and on other text."""
    rows = ""
    for evaluation in metrics.get("evaluations", []):
        name = evaluation["data"]["name"]
        scores = {key: value for key, value in evaluation["scores"].items() if key != "int8"}
        figures = ", ".join(f"{key} {_figure(value)}" for key, value in _flat(scores) if key.split()[-1] in FIGURES)
        rows += f"| `{name}` | {'in' if is_in_domain(name, trained_on) else 'out'} | {figures} |\n"
    return f"| data | domain | figure |\n|---|---|---|\n{rows}\n" if rows else ""


def _examples(examples: Mapping[str, Any], trained_on: Sequence[str]) -> str:
    """What the model answers to some texts of each data set."""
    parts = []
    for group in examples["data"]:
        name = group["data"]["name"]
        columns = list(group["examples"][0])
        head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
        rows = "".join(f"| {' | '.join(_cell(one[column]) for column in columns)} |\n" for one in group["examples"])
        domain = "in domain" if is_in_domain(name, trained_on) else "out of domain"
        parts.append(f"Of `{name}` ({domain}):\n\n{head}{rows}\n")
    return f"## Examples\n\nNobody chose them: a random number did (seed {examples['seed']}).\n\n{''.join(parts)}"


def _cell(text: str) -> str:
    """A text as the cell of a table, on one line and with no markup of its own."""
    line = " ".join(text.split())
    shown = line if len(line) <= LONGEST_EXAMPLE else line[:LONGEST_EXAMPLE].rsplit(" ", 1)[0] + " …"
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", shown)


def _reliability(quality: Mapping[str, Any]) -> str:
    """How far the estimates of quality can be trusted."""
    measured = quality["reliability"]
    groups = "".join(
        f"| {name} | {one['texts']} | {one['estimate']:.2f} | {one['chrf2']:.2f} | {one['calibration_error']:.3f} "
        f"| {_figure(one['correlation'])} |\n"
        for name, one in {"all": measured, **measured["groups"]}.items()
    )
    tenths = "".join(f"| {one['estimate']:.2f} | {one['chrf2']:.2f} |\n" for one in measured["tenths"])
    flagged = ""
    if measured["of_those_below"] is not None and measured["of_all_below_estimated"] is not None:
        flagged = (
            f"\nBelow {measured['below']} a translation is shown as doubtful: "
            f"{measured['estimated_below']:.0%} of them.\n"
            f"Of these, {measured['of_those_below']:.0%} have a chrF2 below it, and of all that have, "
            f"{measured['of_all_below_estimated']:.0%} are among them.\n"
        )
    return f"""## Quality

`quality` is an estimate of a translation's chrF2 (from 0 to 1), fitted on {quality["fitted_texts"]} translations of
held-back texts, and measured on others:

| data | texts | mean estimate | mean chrF2 | calibration error | correlation |
|---|---|---|---|---|---|
{groups}
Tenths of these texts, by estimate:

| mean estimate | mean chrF2 |
|---|---|
{tenths}{flagged}
"""


def _flat(scores: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Names and figures, a score with its interval."""
    pairs: list[tuple[str, Any]] = []
    for name, value in scores.items():
        if isinstance(value, Mapping):
            pairs.extend(_flat(value, f"{prefix}{name} "))
        elif not isinstance(value, list):
            between = scores.get(f"{name}_95")
            text = f"{_figure(value)} ({_figure(between[0])} to {_figure(between[1])})" if between else value
            pairs.append((prefix + name, text))
    return pairs


def number(value: float) -> str:
    """With four digits; a perplexity of zero probability is infinite."""
    return f"{value:.4g}" if value < INFINITE else "∞"


def _figure(value: Any) -> str:
    text = number(value) if isinstance(value, float) else str(value)
    return text.replace("|", "\\|")  # it would end the cell
