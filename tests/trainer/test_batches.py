"""Batches of ragged ids: what is padded all at once is what is padded row by row."""

import numpy as np
import pytest
import torch

from models.batch import pad
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.translator import Translator, TranslatorConfig
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import SENTENCES
from trainer.data.store import Ragged
from trainer.tasks.classification import ClassificationTask, ClassificationTaskConfig
from trainer.tasks.translation import TranslationTask, TranslationTaskConfig

DIRECTIONS = (("en", "tr"), ("tr", "en"))


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("directions", [DIRECTIONS, DIRECTIONS[:1]])
def test_pairs(tokenizer: SubwordTokenizer, parts: int, directions: tuple[tuple[str, str], ...]) -> None:
    sides = [[tokenizer.encode(text) for text in texts] for texts in (SENTENCES[:4], SENTENCES[4:])]
    model = Translator(TranslatorConfig(tokenizer.size, ("en", "tr"), directions, 12, 12))
    valid = list(zip(SENTENCES[:4], SENTENCES[4:], strict=True))
    config = TranslationTaskConfig(batch_tokens=120, scored_pairs=0)
    task = TranslationTask(model, tokenizer, tuple(map(Ragged.of, sides)), valid, config, seed=5)
    end = tokenizer.end_id
    rows = 0
    for batch in task.batches(0):
        size = -(-len(batch.pairs) // parts)
        for number, part in enumerate(task.parts(batch, parts)):
            indices = slice(number * size, (number + 1) * size)
            chosen = list(zip(batch.pairs[indices], batch.directions[indices], strict=True))
            sources, targets = zip(*((sides[way][pair], sides[1 - way][pair]) for pair, way in chosen), strict=True)
            languages = [model.language_id(directions[way][1]) for _, way in chosen]
            source = pad([[first, *ids, end] for first, ids in zip(languages, sources, strict=True)], 4)
            inputs, after = pad([[end, *ids] for ids in targets], 4), pad([[*ids, end] for ids in targets], 4)
            assert torch.equal(part.source.ids, source.ids)
            assert torch.equal(part.source.lengths, source.lengths)
            assert torch.equal(part.inputs, inputs.ids)
            assert torch.equal(part.targets, after.ids.masked_fill(~after.mask, -100))
            assert task.targets(part) == int(after.lengths.sum())
            rows += len(chosen)
    assert rows == 4 * len(directions)
    assert set(task.validate()) == {"loss"}


def test_windows(tokenizer: SubwordTokenizer) -> None:
    ids = [tokenizer.encode(text) for text in SENTENCES]
    labels = np.arange(len(SENTENCES)) % 2
    model = Classifier(ClassifierConfig(tokenizer.size, ("bad", "good"), 12, 8))
    config = ClassificationTaskConfig(batch_size=3, max_tokens=10)
    task = ClassificationTask(model, tokenizer, Ragged.of(ids), labels, [(SENTENCES[0], "bad")], config, seed=5)
    for batch in task.batches(1):
        windows = [ids[text][start : start + 10] for text, start in zip(batch.texts, batch.starts, strict=True)]
        expected, padded = pad(windows, 8), task._padded(batch)
        assert torch.equal(padded.ids, expected.ids)
        assert torch.equal(padded.lengths, expected.lengths)
