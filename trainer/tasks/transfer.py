"""A model that has read before: it starts as a language model.

A classifier as of Dai and Le 2015 (arXiv:1511.01432); a language model, to go on with other text, as of Howard and
Ruder 2018 (arXiv:1801.06146).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from models.errors import ConfigError
from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.recurrent import RecurrentStack

SIZES = {
    "classifier": ("embedding", "hidden", "layers", "cell"),
    "language": ("embedding", "hidden", "layers", "cell", "backward"),
}


def start_sizes(kind: str, start: LanguageModel, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a model of a kind, with the sizes of the language model. Raises ConfigError for another size."""
    sizes = {name: getattr(start.config, name) for name in SIZES[kind]}
    for name, size in sizes.items():
        if settings.get(name, size) != size:
            raise ConfigError(f"setting {name} is {settings[name]}, but the language model of --from has {size}")
    return {**settings, **sizes}


def go_on(start: LanguageModel, model: LanguageModel) -> None:
    """Copy all weights into a language model of the same sizes."""
    model.load_state_dict(start.state_dict())


def transfer(start: LanguageModel, classifier: Classifier) -> None:
    """Copy the embedding and the layers into a classifier of the same sizes.

    At first each direction reads as the language model does: what a higher layer gets from the other
    direction has weights of 0. Where the model has no backward half, that of the classifier is new.
    """
    with torch.no_grad():
        classifier.embedding.weight.copy_(start.embedding.weight)
        _copy_stack(start.lstm, classifier.lstm.forward_layers, 0)
        if start.backward_lstm is not None:
            _copy_stack(start.backward_lstm, classifier.lstm.backward_layers, start.config.hidden)


def _copy_stack(source: RecurrentStack, target: nn.ModuleList, offset: int) -> None:
    """A layer's own direction stands from offset on in the input of the next."""
    for depth, (ours, theirs) in enumerate(zip(source.layers, target, strict=True)):
        for name, value in ours.named_parameters():
            place = getattr(theirs, name)
            if depth and name.startswith("weight_ih"):
                place.zero_()
                place[:, offset : offset + value.shape[1]] = value
            else:
                place.copy_(value)
