"""An RNN and an LSTM that learn to predict the next character of a text, side by side, on the same windows of it."""

import math
from collections import Counter
from io import BytesIO

import torch
from torch import Tensor, nn

from models.networks.recurrent import CELLS

COMPARED = ("rnn", "lstm")
EMBEDDING, HIDDEN = 16, 64
ROWS, WINDOW = 16, 32
"""Of a step: so many windows, each of so many characters. Gradients go no further back than a window's beginning."""
LEARNING_RATE, CLIP_NORM = 5e-3, 1.0
MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8
"""Adam's, as usual."""
MAX_CHARACTERS = 64
"""Different characters that a model knows; the rarest of a text are all one, shown as OTHER."""
OTHER = "\N{WHITE SQUARE}"
SAMPLE, TEMPERATURE = 60, 0.6


class CharacterModel(nn.Module):
    """An embedding, one recurrent layer, and a linear layer to the logits of the next character."""

    def __init__(self, cell: str, characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, EMBEDDING)
        self.layer = CELLS[cell](EMBEDDING, HIDDEN)
        self.output = nn.Linear(HIDDEN, characters)

    def forward(self, ids: Tensor, state: Tensor | tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, object]:
        """The logits (B, T, V) after each of ids (B, T), and the state to read on from."""
        hidden, state = self.layer(self.embedding(ids), state)  # (B, T, H)
        return self.output(hidden), state


class Lesson:
    """The training of both models on one text.

    The same text and seed give the same steps, whether or not it was saved and loaded between them: windows and samples
    are drawn by the seed and the number of the step.
    """

    def __init__(self, text: str, seed: int) -> None:
        """The text has two characters or more."""
        frequent = [character for character, _ in Counter(text).most_common(MAX_CHARACTERS)]
        self.characters = frequent if len(set(text)) <= MAX_CHARACTERS else [*frequent[:-1], OTHER]
        index = {character: number for number, character in enumerate(self.characters)}
        other = len(self.characters) - 1
        self._ids = torch.tensor([index.get(character, other) for character in text])  # (N,)
        self._seed, self.steps = seed, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.models = nn.ModuleDict({cell: CharacterModel(cell, len(self.characters)) for cell in COMPARED})
        weights = list(self.models.parameters())
        self._means, self._squares = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))

    def step(self) -> dict[str, float]:
        """Train one step. The loss of each model on its windows before it: bits a character, the mean."""
        window = min(WINDOW, len(self._ids) - 1)
        starts = torch.randint(0, len(self._ids) - window, (ROWS,), generator=self._generator())
        windows = self._ids.unfold(0, window + 1, 1)[starts]  # (B, T + 1)
        losses = {}
        self.models.zero_grad()
        for cell, model in self.models.items():
            logits, _ = model(windows[:, :-1])
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
            losses[cell] = loss.item() / math.log(2)
        self.steps += 1
        self._update()
        return losses

    @torch.no_grad()
    def _update(self) -> None:
        """Adam (Kingma and Ba 2014). PyTorch's own imports its compiler first, which takes longer than a turn."""
        mean_share, square_share = (1 - decay**self.steps for decay in (MEAN_DECAY, SQUARE_DECAY))
        for weight, mean, square in zip(self.models.parameters(), self._means, self._squares, strict=True):
            assert weight.grad is not None
            mean.lerp_(weight.grad, 1 - MEAN_DECAY)
            square.lerp_(weight.grad.square(), 1 - SQUARE_DECAY)
            weight.addcdiv_(mean / mean_share, (square / square_share).sqrt_().add_(EPSILON), value=-LEARNING_RATE)

    @torch.no_grad()
    def sample(self, cell: str) -> str:
        """What a model writes by now, from the text's first character on."""
        model, generator = self.models[cell], self._generator()
        ids, state, numbers = self._ids[:1].view(1, 1), None, []
        for _ in range(SAMPLE):
            logits, state = model(ids, state)
            probabilities = torch.softmax(logits[0, -1] / TEMPERATURE, 0)
            ids = torch.multinomial(probabilities, 1, generator=generator).view(1, 1)
            numbers.append(int(ids))
        return "".join(self.characters[number] for number in numbers)

    def save(self) -> bytes:
        """What `load` needs in order to go on from here."""
        content = BytesIO()
        weights = self.models.state_dict()
        torch.save({"weights": weights, "means": self._means, "squares": self._squares, "steps": self.steps}, content)
        return content.getvalue()

    def load(self, content: bytes) -> None:
        """Go on from what a lesson of the same text and seed saved."""
        state = torch.load(BytesIO(content), weights_only=True)
        self.models.load_state_dict(state["weights"])
        self._means, self._squares, self.steps = state["means"], state["squares"], state["steps"]

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed + self.steps)
