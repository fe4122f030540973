"""The plots of the report."""

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.report.plots import as_png

COLORS = ("#bab0ac", "#b07aa1", "#9c755f", "#e15759", "#f28e2b", "#59a14f", "#4e79a7", "#ff9da7")
PERCENT = "{x:.0%}"


def ladder_picture(figures: Mapping[str, Any]) -> bytes:
    """A PNG of six panels: perplexity; context; order; lengths; groups of words; pairs."""
    readers: Mapping[str, Any] = figures["readers"]
    figure = Figure(figsize=(15, 8.5), layout="constrained")
    panels = figure.subplots(2, 3)
    names, top = list(readers), panels[0]
    perplexities = [of["perplexity"] for of in readers.values()]
    shown = [value if math.isfinite(value) else 0.0 for value in perplexities]
    bars = top[0].bar(names, shown, color=COLORS)
    top[0].bar_label(bars, [f"{value:.0f}" if math.isfinite(value) else "∞" for value in perplexities])
    top[0].set_title("perplexity of a word")
    for color, (name, of) in zip(COLORS, readers.items(), strict=True):
        points = {int(count): prediction["accuracy"] for count, prediction in of["contexts"].items()}
        top[1].plot(list(points), list(points.values()), marker="o", markersize=4, color=color, label=name)
    top[1].set_xscale("log")
    top[1].set_xticks(list(points), [str(count) for count in points])
    top[1].yaxis.set_major_formatter(PERCENT)
    top[1].set_title("accuracy by words of context")
    top[1].legend(fontsize=8)
    _pairs_of_bars(top[2], names, {
        "as it stands": [of["kept"]["accuracy"] for of in readers.values()],
        "shuffled": [of["shuffled"]["accuracy"] for of in readers.values()],
    })  # fmt: skip
    top[2].set_title("accuracy after words in order and shuffled")
    for panel, key, title in (
        (panels[1][0], "by_length", "perplexity by words of a text"),
        (panels[1][1], "by_group", "perplexity by what is in the training text"),
    ):
        for color, (name, of) in zip(COLORS, readers.items(), strict=True):
            if all(math.isfinite(value) for value in of[key].values()):
                panel.plot(list(of[key]), list(of[key].values()), marker="o", color=color, label=name)
        panel.set_title(f"{title} (∞ left out)")
        panel.legend(fontsize=8)
    panels[1][1].set_yscale("log")
    judges = figures["judges"]
    _pairs_of_bars(panels[1][2], list(judges), {
        "side by side": [of["texts"] for of in judges.values()],
        "apart": [of["texts_apart"] for of in judges.values()],
    })  # fmt: skip
    panels[1][2].axhline(0.5, color="gray", linewidth=0.8, linestyle=":")
    panels[1][2].set_title("who is good? (flipped pairs, dotted: guessing)")
    for panel in panels.flat:
        panel.grid(alpha=0.3, axis="y")
        panel.tick_params(axis="x", labelsize=8)
        panel.title.set_fontsize(10)
    return as_png(figure)


def _pairs_of_bars(panel: Axes, names: list[str], groups: Mapping[str, list[float]]) -> None:
    """Two bars for each name, in percent."""
    for shift, (label, values) in zip((-0.2, 0.2), groups.items(), strict=True):
        panel.bar([index + shift for index in range(len(names))], values, 0.4, label=label)
    panel.set_xticks(range(len(names)), names)
    panel.yaxis.set_major_formatter(PERCENT)
    panel.legend(fontsize=8, loc="lower right")
