"""POST /train."""

from pydantic import Field

from app.http.schemas.base import MAX_SEED, Reply, Request, Text, example

MIN_TEXT, MAX_STEPS = 20, 200
MAX_LESSON_STATE = 1_500_000


class TrainRequest(Request):
    model_config = example(text="the man sees the dog and the dog sees the man", steps=3, seed=1)

    text: Text = Field(min_length=MIN_TEXT, description="What to learn, character by character.")
    steps: int = Field(
        20, ge=1, le=MAX_STEPS, description="Steps to train; fewer where they would compute for over a second."
    )
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, description="Of weights, windows and samples; by default, the state's, or a new one."
    )
    state: str | None = Field(
        None, max_length=MAX_LESSON_STATE, description="The `state` of the reply before, to train on from there."
    )
    return_state: bool = Field(False, description="Reply with `state`, from which the next request trains on.")


class TrainedModel(Reply):
    losses: list[float] = Field(
        description="Of each step, before it: the cross-entropy on its windows, in bits a character."
    )
    sample: str = Field(description="What the model writes by now, from the text's first character on.")


class TrainReply(Reply):
    steps: int = Field(description="Number of steps by now, with those of the requests before.")
    characters: int = Field(description="Different characters that the models know; the rarest count as one.")
    rnn: TrainedModel = Field(description="A plain RNN of 64 units.")
    lstm: TrainedModel = Field(description="An LSTM of 64 units, on the same windows.")
    seed: int = Field(description="The same text and seed give the same training.")
    seconds_left: float | None = Field(None, description="With return_state: of the half minute of training.")
    state: str | None = Field(None, description="With return_state, as long as there are seconds left.")
