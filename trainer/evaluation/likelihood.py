"""Negative log-likelihoods of tokens under a language model, in the ways that perplexities differ in."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.batch import length_buckets, pad
from models.networks.language_model import LanguageModel
from models.networks.transformer import Transformer
from models.runtime.interface import LanguageRuntime
from models.text.tokenizers import Tokenizer

MAX_LOGITS = 2048  # tokens whose logits are in memory at a time


def score_stream(model: LanguageModel | Transformer, stream: Tensor) -> Tensor:
    """The negative log-likelihoods, in nats, of the ids of stream (N,) after the first: (N - 1,) float64.

    The stream is read as one text, as for published perplexities: the state is carried from chunk to chunk.
    """
    state, losses = None, []
    for begin in range(0, stream.numel() - 1, MAX_LOGITS):
        inputs = stream[begin : min(begin + MAX_LOGITS, stream.numel() - 1)].unsqueeze(0)  # (1, chunk)
        targets = stream[begin + 1 : begin + 1 + inputs.shape[1]].unsqueeze(0)
        logits, state = model(inputs.to(model.bias.device), state)  # (1, chunk, V)
        losses.append(_losses(logits, targets.to(model.bias.device)))
    return torch.cat(losses, dim=1)[0]


def score_in_parallel(model: LanguageModel, stream: Tensor, end_id: int, rows: int) -> Tensor:
    """As `score_stream`, faster: the stream is cut into at most `rows` parts, each read from a zero state.

    It is cut only where a text ends, so that a part begins with an end token, as texts do. A zero state in the
    middle of a text need never have occurred in training, and some models never recover from it.
    """
    count = stream.numel()
    ends = [0, *(stream[:-1] == end_id).nonzero().flatten().tolist()]
    cuts = sorted({ends[min(bisect_left(ends, row * count // rows), len(ends) - 1)] for row in range(rows)} | {0})
    parts = [stream[begin : end + 1] for begin, end in pairwise([*cuts, count - 1])]
    padded = nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=end_id)  # (R, W + 1)
    chunk = max(1, MAX_LOGITS // len(parts))
    state, losses = None, []
    for begin in range(0, padded.shape[1] - 1, chunk):
        inputs = padded[:, begin : min(begin + chunk, padded.shape[1] - 1)].to(model.bias.device)
        targets = padded[:, begin + 1 : begin + 1 + inputs.shape[1]].to(model.bias.device)
        logits, state = model(inputs, state)  # (R, chunk, V)
        losses.append(_losses(logits, targets))
    padded_losses = torch.cat(losses, dim=1)  # (R, W)
    return torch.cat([row[: len(part) - 1] for row, part in zip(padded_losses, parts, strict=True)])


def score_windows(model: LanguageModel, stream: Tensor, context: int) -> Tensor:
    """As `score_stream`, where each id is predicted from the `context` ids before it alone, read from a zero state.

    Returns (N - context,): the losses of the ids that have so many before them.
    """
    windows, size = stream[:-1].unfold(0, context, 1), max(1, MAX_LOGITS // context)  # (N - context, context)
    losses = []
    for rows, targets in zip(torch.split(windows, size), torch.split(stream[context:], size), strict=True):
        hidden, _ = model.hidden_states(rows.to(model.bias.device))
        logits = model.score(hidden[:, -1:])  # (R, 1, V)
        losses.append(_losses(logits, targets.unsqueeze(1).to(model.bias.device))[:, 0])
    return torch.cat(losses)


def score_documents(model: LanguageModel, tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """The total loss of texts, in nats, each read from a zero state and the end token."""
    encoded = [[*tokenizer.encode(text), tokenizer.end_id] for text in texts]
    total = 0.0
    for group in length_buckets([len(ids) for ids in encoded], MAX_LOGITS):
        targets = pad([encoded[index] for index in group]).to(model.bias.device)
        inputs = torch.cat([torch.full_like(targets.ids[:, :1], tokenizer.end_id), targets.ids[:, :-1]], dim=1)
        state, chunk = None, max(1, MAX_LOGITS // len(group))
        for part in (slice(begin, begin + chunk) for begin in range(0, inputs.shape[1], chunk)):
            logits, state = model(inputs[:, part], state)  # (B, chunk, V)
            total += float((_losses(logits, targets.ids[:, part]) * targets.mask[:, part].cpu()).sum())
    return total


@torch.inference_mode()
def score_stepwise(runtime: LanguageRuntime, stream: Tensor) -> Tensor:
    """As `score_stream`, computed step by step in a runtime."""
    state, losses = runtime.start(1), []
    for token, target in pairwise(stream.unsqueeze(1)):
        logits, state = runtime.step(token, state)
        losses.append(float(nn.functional.cross_entropy(logits, target.to(logits.device))))
    return torch.tensor(losses, dtype=torch.float64)


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Of logits (R, T, V), the negative log-likelihoods (R, T) of targets (R, T), in double precision."""
    losses = nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    return losses.view(targets.shape).double().cpu()
