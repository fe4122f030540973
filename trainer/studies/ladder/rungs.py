"""The rungs of the ladder: which models, and their settings."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """A model of the ladder: its name, its kind, and its settings."""

    name: str
    kind: str
    title: str
    settings: Mapping[str, str | int | float]


CELLS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
LANGUAGE_SETTINGS: Mapping[str, str | int | float] = {
    "hidden": 200, "embedding": 200, "dropout": 0.3, "hidden_dropout": 0.15, "optimizer": "sgd",
    "learning_rate": 20.0, "clip_norm": 0.25, "warmup_steps": 200, "weight_decay": 1e-6, "average_decay": 0.999,
    "epochs": 6, "evaluations_per_epoch": 2, "batch_size": 20, "bptt": 35,
}  # fmt: skip
CELL_SETTINGS: Mapping[str, Mapping[str, float]] = {"rnn": {"learning_rate": 5.0}}
"""An RNN diverges at the others' learning rate: at 20, its perplexity on Penn Treebank was above 20,000."""
TRANSFORMER_SETTINGS: Mapping[str, str | int | float] = {
    "context": 256, "dropout": 0.3, "learning_rate": 1e-3, "warmup_steps": 200, "average_decay": 0.999,
    "epochs": 6, "evaluations_per_epoch": 2, "batch_size": 20, "bptt": 35,
}  # fmt: skip
"""Its sizes are those of `transformer_sizes`, and it sees the same batches as the LSTM."""
LANGUAGE_RUNGS = (
    Rung("n1", "ngram", "counts of 1", {"order": 1, "method": "maximum-likelihood"}),
    Rung("n2", "ngram", "counts of 2", {"order": 2, "method": "maximum-likelihood"}),
    Rung("n3", "ngram", "counts of 3", {"order": 3, "method": "maximum-likelihood"}),
    Rung("kneser-ney", "ngram", "Kneser-Ney", {}),
    *(
        Rung(cell, "language", title, {**LANGUAGE_SETTINGS, "cell": cell, **CELL_SETTINGS.get(cell, {})})
        for cell, title in CELLS.items()
    ),
    Rung("transformer", "transformer", "Transformer", TRANSFORMER_SETTINGS),
)
"""They predict the next word."""
PAIR_SETTINGS: Mapping[str, str | int | float] = {
    "hidden": 16, "embedding": 16, "dropout": 0.2, "embedding_dropout": 0.2, "learning_rate": 0.01, "epochs": 30,
    "evaluations_per_epoch": 1, "patience": 30,
}  # fmt: skip
PAIR_RUNGS = (
    *(Rung(f"bag{order}", "bag", f"bag of {order}", {"order": order}) for order in (1, 2, 3)),
    *(Rung(cell, "classifier", title, {**PAIR_SETTINGS, "cell": cell}) for cell, title in CELLS.items()),
)
"""They classify pairs of sentences: who is good?"""


def transformer_sizes(embedding: int, hidden: int, layers: int) -> dict[str, int]:
    """Sizes of a Transformer with about as many parameters as an LSTM of these sizes, both tied to their embedding."""
    lstm = sum(4 * hidden * (before + hidden) + 8 * hidden for before in (embedding, *[hidden] * (layers - 1)))
    lstm += (hidden + 1) * embedding if hidden != embedding else 0
    size = embedding + embedding % 2
    others = layers * (4 * size * size + 5 * size) + 2 * size
    feedforward = max(1, round((lstm - others) / (layers * (2 * size + 1))))
    return {"embedding": size, "layers": layers, "heads": 4 if size % 8 == 0 else 1, "feedforward": feedforward}
