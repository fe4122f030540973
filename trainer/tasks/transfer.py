"""Initialising a classifier from a language model (Dai and Le 2015, arXiv:1511.01432)."""

import torch
from torch import nn

from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.recurrent import RecurrentStack


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
