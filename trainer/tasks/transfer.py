"""Initialising a classifier from a language model (Dai and Le 2015, arXiv:1511.01432)."""

import torch
from torch import nn

from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.recurrent import RecurrentStack


def transfer(start: LanguageModel, classifier: Classifier) -> None:
    """Copy the embedding and the layers into a classifier of the same sizes.

    At first each direction computes what the language model does: weights from the other direction are 0.
    Where the language model has no backward layers, those of the classifier keep their random weights.
    """
    with torch.no_grad():
        classifier.embedding.weight.copy_(start.embedding.weight)
        _copy_stack(start.lstm, classifier.lstm.forward_layers, 0)
        if start.backward_lstm is not None:
            _copy_stack(start.backward_lstm, classifier.lstm.backward_layers, start.config.hidden)


def _copy_stack(source: RecurrentStack, target: nn.ModuleList, offset: int) -> None:
    """In the input of a higher layer, the features of its own direction begin at offset."""
    for depth, (source_layer, target_layer) in enumerate(zip(source.layers, target, strict=True)):
        for name, value in source_layer.named_parameters():
            parameter = getattr(target_layer, name)
            if depth and name.startswith("weight_ih"):
                parameter.zero_()
                parameter[:, offset : offset + value.shape[1]] = value
            else:
                parameter.copy_(value)
