"""From magnitudes to a wave: phases by Griffin and Lim's iteration.

librosa has it too, but needs Numba and scikit-learn, 300 MB that nothing else here is served with; torchaudio follows
each release of PyTorch with one of its own, and SciPy has none. On PyTorch's transforms it is a dozen lines.
"""

import torch
from torch import Tensor

ITERATIONS = 40
MOMENTUM = 0.99
SEED = 1
"""Of the first phases."""


def griffin_lim(magnitude: Tensor, taper: Tensor, hop: int, iterations: int = ITERATIONS) -> Tensor:
    """Samples ((T - 1) * hop,) whose short-time Fourier transform has about these magnitudes (T, F).

    taper (N,) is the window, and F is N // 2 + 1. Griffin and Lim 1984, "Signal estimation from modified short-time
    Fourier transform", with the momentum of Perraudin et al. 2013, "A fast Griffin-Lim algorithm".
    """
    size, length = len(taper), (len(magnitude) - 1) * hop
    target = magnitude.T.contiguous()  # (F, T)
    generator = torch.Generator().manual_seed(SEED)
    angle = torch.rand(target.shape, generator=generator) * (2 * torch.pi)
    estimate = torch.polar(target, angle.to(target.device))
    before = torch.zeros_like(estimate)
    for _ in range(iterations):
        wave = torch.istft(estimate, size, hop, window=taper, length=length)
        now = torch.stft(wave, size, hop, window=taper, return_complex=True)
        moved = now + MOMENTUM * (now - before)
        estimate = target * moved / moved.abs().clamp_min(1e-8)
        before = now
    return torch.istft(estimate, size, hop, window=taper, length=length)
