"""Plots: learning curves, confusion matrices, reliability diagrams, and those of the studies."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.evaluation.classification import CALIBRATION_BINS

LITERAL_TEXT: Any = {"text.parse_math": False}  # no formulae: a label or a name may have a $
MAX_LABELS_SHOWN = 25  # on the axes of a confusion matrix
Log = Sequence[Mapping[str, Any]]


@rc_context(LITERAL_TEXT)
def learning_curves(log: Log, metric: str, title: str) -> bytes:
    """A PNG: the training loss and the validation scores over optimizer steps, a panel for each group of scores."""
    names = [name for name in log[0]["scores"] if name != "seconds"] if log else []
    groups: dict[str, list[str]] = {"loss": ["train_loss"]}
    for name in names:
        groups.setdefault(name.split("_")[0], []).append(name)
    figure = Figure(figsize=(5.2 * len(groups), 3.8), layout="constrained")
    steps = [record["step"] for record in log]
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for panel, (group, members) in zip(panels, groups.items(), strict=True):
        for name in members:
            values = [record["train_loss"] if name == "train_loss" else record["scores"][name] for record in log]
            label = {"train_loss": "training", "loss": "validation"}.get(name, name)
            panel.plot(steps, values, marker="o", markersize=3, label=label)
        best = [record for record in log if record["best"]]
        if best and metric in members:
            panel.axvline(best[-1]["step"], color="gray", linewidth=0.8, linestyle=":", label="kept")
        panel.set_xlabel("optimizer step")
        panel.set_ylabel("nats per target" if group == "loss" else group)
        panel.grid(alpha=0.3)
        panel.legend()
    figure.suptitle(title)
    return as_png(figure)


@rc_context(LITERAL_TEXT)
def compared_curves(logs: Mapping[str, Log], metric: str) -> bytes:
    """A PNG: the validation metric of several runs, over steps and over minutes of training."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    by_step, by_time = figure.subplots(1, 2, sharey=True)
    for name, log in logs.items():
        values = [record["scores"][metric] for record in log]
        by_step.plot([record["step"] for record in log], values, marker="o", markersize=3, label=name)
        by_time.plot([record["seconds"] / 60 for record in log], values, marker="o", markersize=3, label=name)
    by_step.set_ylabel(metric.replace("_", " "))
    for panel, label in ((by_step, "optimizer step"), (by_time, "minutes of training")):
        panel.set_xlabel(label)
        panel.grid(alpha=0.3)
    by_time.legend()
    return as_png(figure)


@rc_context(LITERAL_TEXT)
def class_pictures(scores: Mapping[str, Any], title: str) -> bytes:
    """A PNG of a classifier's scores: the confusion matrix and the calibration (reliability diagram)."""
    labels = list(scores["classes"])
    size = min(12.0, max(4.0, 0.7 * len(labels) + 2.4))
    figure = Figure(figsize=(size + 5.0, size + 0.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[size, 4.6], squeeze=False)[0]
    _draw_confusion(left.subplots(), scores["confusion"], labels)
    curve, histogram = right.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _draw_reliability(curve, histogram, scores["calibration_bins"])
    figure.suptitle(title, fontsize=10)
    return as_png(figure)


def _draw_confusion(panel: Axes, confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> None:
    """Texts of each true label (a row) by predicted label (a column)."""
    shares = [[count / max(1, sum(row)) for count in row] for row in confusion]
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    panel.set_xlabel("predicted")
    panel.set_ylabel("true")
    if len(labels) > MAX_LABELS_SHOWN:
        return
    for row, counts in enumerate(confusion):
        for column, count in enumerate(counts):
            color = "white" if shares[row][column] > 0.5 else "black"
            text = f"{count:,}\n{shares[row][column]:.1%}"
            panel.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
    panel.set_xticks(range(len(labels)), labels, rotation=45 if len(labels) > 4 else 0)
    panel.set_yticks(range(len(labels)), labels)


def _draw_reliability(curve: Axes, histogram: Axes, bins: Sequence[Mapping[str, float]]) -> None:
    """Accuracy over the probability of the predicted label, beside the line of perfect calibration."""
    probabilities = [part["probability"] for part in bins]
    curve.plot([0, 1], [0, 1], color="gray", linewidth=0.8, linestyle=":", label="perfect calibration")
    curve.plot(probabilities, [part["accuracy"] for part in bins], marker="o", markersize=4, label="the model")
    curve.set_ylabel("accuracy")
    curve.legend()
    curve.grid(alpha=0.3)
    histogram.bar(probabilities, [part["texts"] for part in bins], 0.8 / CALIBRATION_BINS)
    histogram.set_ylabel("texts")
    histogram.set_xlabel("probability of the predicted label")


def gradients_over_time(norms: Mapping[str, Mapping[str, Sequence[float]]], title: str) -> bytes:
    """A PNG: gradient norms over the steps back in time, a panel a condition, a line a cell; zeros are left out."""
    figure = Figure(figsize=(14, 7.5), layout="constrained")
    panels = figure.subplots(2, -(-len(norms) // 2), sharex=True, sharey=True, squeeze=False)
    for panel, (condition, cells) in zip(panels.flat, norms.items(), strict=False):
        for cell, series in cells.items():
            panel.semilogy([norm if norm > 0 else float("nan") for norm in series], label=cell)
        panel.set_title(condition, fontsize="medium")
        panel.grid(alpha=0.3)
    panels[0, 0].legend()
    for panel in panels[:, 0]:
        panel.set_ylabel("norm of the gradient")
    for panel in panels[-1]:
        panel.set_xlabel("steps back from the end")
    figure.suptitle(title)
    return as_png(figure)


@rc_context(LITERAL_TEXT)
def scores_over_steps(rows: Sequence[Mapping[str, Any]], title: str, unit: str, axis_top: float) -> bytes:
    """A PNG: scores from 0 to axis_top over training steps, a panel a length, a line a cell."""
    lengths = sorted({row["length"] for row in rows})
    figure = Figure(figsize=(1.5 + 3.6 * len(lengths), 3.8), layout="constrained")
    panels = figure.subplots(1, len(lengths), sharey=True, squeeze=False)[0]
    for panel, length in zip(panels, lengths, strict=True):
        for cell in dict.fromkeys(row["cell"] for row in rows):
            series = [row for row in rows if (row["length"], row["cell"]) == (length, cell)]
            panel.plot([row["step"] for row in series], [row["score"] for row in series], label=cell)
        panel.set_title(f"{length} steps")
        panel.set_xlabel("steps of training")
        panel.grid(alpha=0.3)
    panels[0].set_ylim(0, axis_top)
    panels[0].set_ylabel(unit)
    panels[0].legend()
    figure.suptitle(title)
    return as_png(figure)


def as_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
