"""How strongly a prediction depends on each token before it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.networks.language_model import LanguageModel


def connectivity(model: LanguageModel, ids: Sequence[int], target: int) -> tuple[float, Tensor]:
    """The log-probability of ids[target], and how strongly it depends on each id before it.

    ids is (T,), read from the zero state; target is an index from 1. The second result, (target,) float32,
    is the norm of the log-probability's gradient by the embedding of each id before the target: "connectivity" in
    Madsen 2019 (doi:10.23915/distill.00016), there of a logit. The weights are the model's float32 ones.
    """
    device = model.embedding.weight.device
    # the engine runs in inference mode, in which nothing has a gradient; cuDNN has none in evaluation
    with torch.inference_mode(False), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        index = torch.tensor([list(ids[:target])], device=device)  # (1, target)
        embedded = model.embedding(index).detach().requires_grad_()  # (1, target, E)
        hidden, _ = model.lstm(embedded)  # (1, target, H)
        logprob = model.score(hidden[0, -1]).log_softmax(dim=-1)[ids[target]]
        (gradient,) = torch.autograd.grad(logprob, embedded)  # (1, target, E)
    return float(logprob.detach()), gradient[0].norm(dim=-1).float()
