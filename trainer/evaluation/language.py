"""Perplexity, of a model as it is and of one that adapts to what it reads."""

import copy
import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batch import length_buckets, pad
from models.counted.ngram import Ngram
from models.networks.language_model import LanguageModel
from models.runtime.build import make_language_runtime
from models.runtime.interface import LanguageRuntime
from models.text.tokenizers import Tokenizer
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.config import EvaluationConfig

SCORED_AT_ONCE = 2048  # tokens whose logits are in memory together


def evaluate_language(
    model: LanguageModel,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    config: EvaluationConfig | None = None,
    precision: str = "float32",
) -> dict[str, Any]:
    """Perplexity per word and per token of texts, one document each, read as one stream.

    Per word: exp(total negative log-likelihood / words), the end of each document counted as a word
    and its likelihood in the total, so that tokenizations can be compared. "Alone" is each document
    read from an empty memory, as a service reads a prompt. The interval is a bootstrap's over
    documents. With a cache or dynamic evaluation in the configuration, their perplexities per word
    stand beside the model's own.
    """
    config = config or EvaluationConfig(resamples=0)
    stream = language_stream(tokenizer, texts)
    if precision == "int8":
        losses = score_stepwise(make_language_runtime(model, precision), stream)
    else:
        losses = score_stream(model, stream)
    scores = _perplexities(losses.numpy(), tokenizer, texts, config.resamples)
    words = scores["words"]
    if precision == "float32":
        scores["perplexity_per_word_alone"] = perplexity(score_alone(model, tokenizer, texts), words)
    if config.context_tokens and precision == "float32":
        within = score_within(model, stream, config.context_tokens)
        scores[f"perplexity_per_token_of_{config.context_tokens}_tokens"] = perplexity(float(within.sum()), len(within))
    if config.cache_window and precision == "float32":
        cached = float(score_with_cache(model, stream, config).sum())
        scores["perplexity_per_word_with_cache"] = perplexity(cached, words)
    if config.dynamic_rate and precision == "float32":
        scores["perplexity_per_word_dynamic"] = perplexity(score_dynamically(model, stream, config), words)
    return scores


def _perplexities(
    losses: NDArray[np.float64], tokenizer: Tokenizer, texts: Sequence[str], resamples: int
) -> dict[str, Any]:
    """Of the losses (N,), in nats, of texts and their ends."""
    words = np.array([len(text.split()) + 1 for text in texts])
    total = float(losses.sum())
    scores: dict[str, Any] = {
        "perplexity_per_word": perplexity(total, int(words.sum())),
        "perplexity_per_token": perplexity(total, len(losses)),
        "words": int(words.sum()),
        "tokens": len(losses),
    }
    if resamples and math.isfinite(total):
        ends = np.cumsum([len(tokenizer.encode(text)) + 1 for text in texts]) - 1
        documents = np.diff(np.concatenate([[0.0], losses.cumsum(0)[ends]]))  # (D,), in nats
        bounds = interval(documents, words, resamples)
        scores["perplexity_per_word_95"] = [math.exp(min(bound, 690.0)) for bound in bounds]
    return scores


def evaluate_ngram(
    model: Ngram, tokenizer: Tokenizer, texts: Sequence[str], config: EvaluationConfig | None = None
) -> dict[str, Any]:
    """As `evaluate_language`; an n-gram starts anew at each document."""
    losses = model.losses(language_stream(tokenizer, texts).numpy(), tokenizer.end_id)
    return _perplexities(losses, tokenizer, texts, config.resamples if config else 0)


def language_stream(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """All texts as one stream of ids (N,): the end token first, and after each text."""
    ids = [tokenizer.end_id]
    for text in texts:
        ids.extend(tokenizer.encode(text))
        ids.append(tokenizer.end_id)
    return torch.tensor(ids, dtype=torch.int64)


def perplexity(negative_log_likelihood: float, count: int) -> float:
    """exp of the mean, at most 1e300: a text without spaces is one long word."""
    return math.exp(min(negative_log_likelihood / count, 690.0))


def score_stream(model: LanguageModel, stream: Tensor) -> Tensor:
    """The negative log-likelihood, in nats, of every id of stream (N,) after its first: (N - 1,) float64.

    It is read as one text, as published perplexities are; state is carried from chunk to chunk.
    """
    state, losses = None, []
    for begin in range(0, stream.numel() - 1, SCORED_AT_ONCE):
        inputs = stream[begin : min(begin + SCORED_AT_ONCE, stream.numel() - 1)].unsqueeze(0)  # (1, chunk)
        wanted = stream[begin + 1 : begin + 1 + inputs.shape[1]].unsqueeze(0)
        logits, state = model(inputs.to(model.bias.device), state)  # (1, chunk, V)
        losses.append(_losses(logits, wanted.to(model.bias.device)))
    return torch.cat(losses, dim=1)[0]


def score_side_by_side(model: LanguageModel, stream: Tensor, end_id: int, rows: int) -> Tensor:
    """As `score_stream`, faster: the stream is cut into at most `rows` parts, each with an empty memory at its start.

    It is cut only where a text ends, so that a part begins with an end token, as texts do. In the middle of
    a text, an empty memory is nothing that a model need ever have seen, and some never find out of it.
    """
    count = stream.numel()
    ends = [0, *(stream[:-1] == end_id).nonzero().flatten().tolist()]
    cuts = sorted({ends[min(bisect_left(ends, row * count // rows), len(ends) - 1)] for row in range(rows)} | {0})
    parts = [stream[begin : end + 1] for begin, end in pairwise([*cuts, count - 1])]
    padded = nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=end_id)  # (R, W + 1)
    chunk = max(1, SCORED_AT_ONCE // len(parts))
    state, losses = None, []
    for begin in range(0, padded.shape[1] - 1, chunk):
        inputs = padded[:, begin : min(begin + chunk, padded.shape[1] - 1)].to(model.bias.device)
        wanted = padded[:, begin + 1 : begin + 1 + inputs.shape[1]].to(model.bias.device)
        logits, state = model(inputs, state)  # (R, chunk, V)
        losses.append(_losses(logits, wanted))
    found = torch.cat(losses, dim=1)  # (R, W)
    return torch.cat([row[: len(part) - 1] for row, part in zip(found, parts, strict=True)])


def score_within(model: LanguageModel, stream: Tensor, context: int) -> Tensor:
    """As `score_stream`, where each id is expected from the `context` ids before it alone, read from an empty memory.

    So it is (N - context,): those that have so many before them.
    """
    windows, size = stream[:-1].unfold(0, context, 1), max(1, SCORED_AT_ONCE // context)  # (N - context, context)
    losses = []
    for rows, wanted in zip(torch.split(windows, size), torch.split(stream[context:], size), strict=True):
        hidden, _ = model.hidden_states(rows.to(model.bias.device))
        logits = model.score(hidden[:, -1:])  # (R, 1, V)
        losses.append(_losses(logits, wanted.unsqueeze(1).to(model.bias.device))[:, 0])
    return torch.cat(losses)


def score_alone(model: LanguageModel, tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """The total of `score_stream` in nats when every text begins with an empty memory and the end token."""
    encoded = [[*tokenizer.encode(text), tokenizer.end_id] for text in texts]
    total = 0.0
    for places in length_buckets([len(ids) for ids in encoded], SCORED_AT_ONCE):
        wanted = pad([encoded[place] for place in places]).to(model.bias.device)
        inputs = torch.cat([torch.full_like(wanted.ids[:, :1], tokenizer.end_id), wanted.ids[:, :-1]], dim=1)
        state, chunk = None, max(1, SCORED_AT_ONCE // len(places))
        for part in (slice(begin, begin + chunk) for begin in range(0, inputs.shape[1], chunk)):
            logits, state = model(inputs[:, part], state)  # (B, chunk, V)
            total += float((_losses(logits, wanted.ids[:, part]) * wanted.mask[:, part].cpu()).sum())
    return total


def _losses(logits: Tensor, wanted: Tensor) -> Tensor:
    """Of logits (R, T, V), the negative log-likelihoods (R, T) of wanted, in double precision."""
    losses = nn.functional.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), reduction="none")
    return losses.view(wanted.shape).double().cpu()


@torch.inference_mode()
def score_stepwise(runtime: LanguageRuntime, stream: Tensor) -> Tensor:
    """As score_stream by the steps of a runtime."""
    state, losses = runtime.start(1), []
    for read, wanted in pairwise(stream.unsqueeze(1)):
        logits, state = runtime.step(read, state)
        losses.append(float(nn.functional.cross_entropy(logits, wanted.to(logits.device))))
    return torch.tensor(losses, dtype=torch.float64)


def score_with_cache(model: LanguageModel, stream: Tensor, config: EvaluationConfig, chunk: int = 128) -> Tensor:
    """As score_stream with a continuous cache (Grave et al. 2016, arXiv:1612.04426).

    What followed each of the last cache_window positions is expected again, the more so the more alike
    the hidden states there and here: by the softmax of cache_flatness times their products, mixed with the
    model's own expectation by cache_weight. Needs memory for chunk * (cache_window + chunk) numbers.
    """
    device, window = model.bias.device, config.cache_window
    state, parts = None, []
    hiddens = torch.zeros(0, model.config.hidden, device=device)  # (W, H): the positions before this chunk
    followers = torch.zeros(0, dtype=torch.int64, device=device)  # (W,): what stood after each
    for begin in range(0, stream.numel() - 1, chunk):
        ids = stream[begin : begin + chunk + 1].to(device)
        inputs, wanted = ids[:-1], ids[1:]  # (T,)
        hidden, state = model.hidden_states(inputs.unsqueeze(0), state)
        own = torch.softmax(model.score(hidden)[0].float(), dim=-1).gather(1, wanted.unsqueeze(1))[:, 0]  # (T,)
        past = torch.cat([hiddens, hidden[0].float()])  # (W + T, H)
        after = torch.cat([followers, wanted])  # (W + T,)
        likeness = config.cache_flatness * (hidden[0].float() @ past.T)  # (T, W + T)
        place = torch.arange(len(past), device=device) - len(hiddens)  # 0 at the chunk's first position
        step = torch.arange(len(inputs), device=device).unsqueeze(1)
        seen = (place < step) & (place >= step - window)  # (T, W + T)
        share = torch.softmax(likeness.masked_fill(~seen, float("-inf")), dim=-1).nan_to_num()  # nothing seen: 0
        cached = (share * (after == wanted.unsqueeze(1))).sum(dim=-1)  # (T,)
        weight = config.cache_weight * seen.any(dim=-1)
        parts.append(-((1 - weight) * own + weight * cached).double().log().cpu())
        hiddens, followers = past[-window:], after[-window:]
    return torch.cat(parts)


def score_dynamically(model: LanguageModel, stream: Tensor, config: EvaluationConfig, chunk: int = 32) -> float:
    """The total of score_stream for a model that learns from each chunk once it is scored.

    Dynamic evaluation (Krause et al. 2017, arXiv:1709.07432), in its plain form: a step of gradient
    descent at dynamic_rate (the gradient's norm clipped to 1), and a pull of dynamic_decay back to the
    weights as trained.
    """
    total, state = 0.0, None
    with torch.inference_mode(False), torch.enable_grad():
        learner = copy.deepcopy(model).eval()
        for module in learner.modules():
            if isinstance(module, nn.RNNBase):
                module.train()  # cuDNN has no backward pass otherwise; these hold no dropout
        ids = stream.clone().to(model.bias.device)
        trained = [parameter.detach().clone() for parameter in learner.parameters()]
        moving = [parameter.requires_grad_() for parameter in learner.parameters()]
        for begin in range(0, len(ids) - 1, chunk):
            part = ids[begin : begin + chunk + 1]
            logits, state = learner(part[:-1].unsqueeze(0), None if state is None else state.detach())
            loss = nn.functional.cross_entropy(logits[0].float(), part[1:])
            total += loss.item() * (len(part) - 1)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(moving, 1.0)
            with torch.no_grad():
                for parameter, origin in zip(moving, trained, strict=True):
                    if parameter.grad is not None:
                        parameter.sub_(parameter.grad, alpha=config.dynamic_rate)
                        parameter.lerp_(origin, config.dynamic_decay)
                        parameter.grad = None
    return total
