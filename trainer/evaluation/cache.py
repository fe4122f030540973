"""The continuous cache: a language model that also predicts what it has read lately."""

import torch
from torch import Tensor

from models.networks.language_model import LanguageModel
from trainer.evaluation.config import EvaluationConfig


def score_with_cache(model: LanguageModel, stream: Tensor, config: EvaluationConfig, chunk: int = 128) -> Tensor:
    """As `score_stream`, with a continuous cache (Grave et al. 2016, arXiv:1612.04426).

    The cache predicts the tokens that followed the last cache_window positions, weighted by the softmax over
    cache_flatness times the products of the hidden states there and here; cache_weight is its share in the
    mixture with the model's prediction. Needs memory for chunk * (cache_window + chunk) numbers.
    """
    device, window = model.bias.device, config.cache_window
    state, parts = None, []
    hiddens = torch.zeros(0, model.config.hidden, device=device)  # (W, H): the positions before this chunk
    followers = torch.zeros(0, dtype=torch.int64, device=device)  # (W,): the token after each
    for begin in range(0, stream.numel() - 1, chunk):
        ids = stream[begin : begin + chunk + 1].to(device)
        inputs, targets = ids[:-1], ids[1:]  # (T,)
        hidden, state = model.hidden_states(inputs.unsqueeze(0), state)
        predicted = torch.softmax(model.score(hidden)[0].float(), dim=-1).gather(1, targets.unsqueeze(1))[:, 0]  # (T,)
        past = torch.cat([hiddens, hidden[0].float()])  # (W + T, H)
        after = torch.cat([followers, targets])  # (W + T,)
        similarity = config.cache_flatness * (hidden[0].float() @ past.T)  # (T, W + T)
        position = torch.arange(len(past), device=device) - len(hiddens)  # 0 at the chunk's first
        step = torch.arange(len(inputs), device=device).unsqueeze(1)
        visible = (position < step) & (position >= step - window)  # (T, W + T)
        share = torch.softmax(similarity.masked_fill(~visible, float("-inf")), dim=-1).nan_to_num()  # none visible: 0
        cached = (share * (after == targets.unsqueeze(1))).sum(dim=-1)  # (T,)
        weight = config.cache_weight * visible.any(dim=-1)
        parts.append(-((1 - weight) * predicted + weight * cached).double().log().cpu())
        hiddens, followers = past[-window:], after[-window:]
    return torch.cat(parts)
