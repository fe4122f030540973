"""Learning curves as a picture."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure


def learning_curves(log: Sequence[Mapping[str, Any]], metric: str, title: str) -> bytes:
    """A PNG: training loss, and each validation score in a panel of its own, over optimizer steps."""
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
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
