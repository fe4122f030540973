"""Dynamic evaluation: a language model that goes on training on the text it is evaluated on."""

import copy

import torch
from torch import Tensor, nn

from models.networks.language_model import LanguageModel
from trainer.evaluation.config import EvaluationConfig


def score_dynamically(model: LanguageModel, stream: Tensor, config: EvaluationConfig, chunk: int = 32) -> float:
    """The total of `score_stream` under dynamic evaluation: the model trains on each chunk after it is scored.

    Krause et al. 2017 (arXiv:1709.07432) in its plain form: a step of gradient descent at dynamic_rate (the
    gradient's norm clipped to 1), then the weights decay by dynamic_decay towards the trained ones.
    """
    total, state = 0.0, None
    with torch.inference_mode(False), torch.enable_grad():
        learner = copy.deepcopy(model).eval()
        for module in learner.modules():
            if isinstance(module, nn.RNNBase):
                module.train()  # cuDNN has no backward pass otherwise; these hold no dropout
        ids = stream.clone().to(model.bias.device)
        trained = [parameter.detach().clone() for parameter in learner.parameters()]
        parameters = [parameter.requires_grad_() for parameter in learner.parameters()]
        for begin in range(0, len(ids) - 1, chunk):
            part = ids[begin : begin + chunk + 1]
            logits, state = learner(part[:-1].unsqueeze(0), None if state is None else state.detach())
            loss = nn.functional.cross_entropy(logits[0].float(), part[1:])
            total += loss.item() * (len(part) - 1)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, 1.0)
            with torch.no_grad():
                for parameter, origin in zip(parameters, trained, strict=True):
                    if parameter.grad is not None:
                        parameter.sub_(parameter.grad, alpha=config.dynamic_rate)
                        parameter.lerp_(origin, config.dynamic_decay)
                        parameter.grad = None
    return total
