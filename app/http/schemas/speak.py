"""POST /speak."""

import numpy as np
from pydantic import Field

from app.http.schemas.base import MAX_SEED, Reply, Request, Text, example
from models.sound import Wave

SLOWEST, FASTEST = 0.25, 4.0


class SpeakRequest(Request):
    model_config = example(text="three seven one", seed=1)

    text: Text = Field(
        description="Words that the model knows, in any capitals; digits also as figures (371), and in Turkish. "
        "Punctuation is not spoken."
    )
    voice: str | None = Field(
        None, max_length=200, description="One of the model's `voices` in /models; by default, the seed chooses one."
    )
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST, description="2 is twice as fast as the recordings.")
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, description="The same seed gives the same sound; by default, a new one."
    )
    model: str | None = Field(None, max_length=200, description="A model that speaks; by default, the default one.")


class SpokenText(Reply):
    """What was spoken: routes write it as a file."""

    voice: str
    seed: int
    rate: int
    samples: bytes
    """float32, at the rate."""

    @property
    def wave(self) -> Wave:
        """The samples (N,)."""
        return np.frombuffer(self.samples, np.float32)
