"""Sliding windows of N words, by hand on the lecture's sentence."""

from typing import Any

import numpy as np
import pytest
import torch

from models.errors import ConfigError, DataError
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.text.tokenizers import SubwordTokenizer, WordTokenizer
from tests.conftest import SENTENCES
from trainer.evaluation.language import language_stream
from trainer.evaluation.likelihood import score_stream, score_windows
from trainer.tasks.language import LanguageTaskConfig
from trainer.tasks.windows import WindowTask, sliding_windows

TEXT = "The man sees the man and the man sees the boy"


def test_the_windows_of_the_sentence() -> None:
    words = WordTokenizer.train([TEXT], 100, "en")
    ids = np.array(words.encode(TEXT))
    inputs, targets = sliding_windows(ids, 3)
    assert [(words.decode(row), words.decode([after])) for row, after in zip(inputs, targets, strict=True)] == [
        ("the man sees", "the"),
        ("man sees the", "man"),
        ("sees the man", "and"),
        ("the man and", "the"),
        ("man and the", "man"),
        ("and the man", "sees"),
        ("the man sees", "the"),
        ("man sees the", "boy"),
    ]
    one, after = sliding_windows(ids, 1)
    assert [len(one), one.shape[1], words.decode(after.tolist())] == [
        10,
        1,
        "man sees the man and the man sees the boy",
    ]


def task(tokenizer: SubwordTokenizer, window: int, **sizes: Any) -> WindowTask:
    model = LanguageModel(LanguageModelConfig(tokenizer.size, 8, 8, **sizes))
    stream = language_stream(tokenizer, SENTENCES).numpy()
    config = LanguageTaskConfig(batch_size=4, bptt=5, window=window)
    return WindowTask(model, tokenizer, stream, SENTENCES[:1], config, seed=1)


def test_every_window_once_an_epoch(tokenizer: SubwordTokenizer) -> None:
    window_task = task(tokenizer, 4)
    first, second = (np.concatenate(list(window_task.batches(epoch))) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(len(language_stream(tokenizer, SENTENCES)) - 4))
    assert list(first) != list(second)
    assert {len(batch) for batch in window_task.batches(0)[:-1]} == {20}


def test_what_is_older_than_the_window_is_nothing_to_it(language_model: LanguageModel) -> None:
    with torch.inference_mode():
        stream = torch.tensor([0, 5, 6, 7, 8, 9, 10, 11])
        other = torch.tensor([3, 4, 6, 7, 8, 9, 10, 11])
        one, two = (score_windows(language_model, ids, 3) for ids in (stream, other))
        assert len(one) == len(stream) - 3
        assert torch.equal(one[2:], two[2:])
        assert not torch.equal(one[:2], two[:2])
        whole = score_windows(language_model, stream, 7)
        torch.testing.assert_close(whole, score_stream(language_model, stream)[-1:])


def test_nonsense(tokenizer: SubwordTokenizer) -> None:
    with pytest.raises(DataError, match="too few for windows of 5000"):
        task(tokenizer, 5000)
    with pytest.raises(ConfigError, match="window must be 0"):
        task(tokenizer, 3, backward=True)
