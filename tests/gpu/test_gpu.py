"""On a GPU: the same laws as on a CPU. Run them with `pytest -m gpu`; they are skipped where there is none."""

from typing import Any

import pytest
import torch

from models.batch import pad
from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.translator import Translator
from models.runtime.build import make_classifier_runtime, make_language_runtime, make_translator_runtime
from models.runtime.cuda_graphs import GraphedLanguage
from models.runtime.float import FloatLanguage

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]
GPU = torch.device("cuda")
CLOSE: dict[str, Any] = {"atol": 0.05, "rtol": 0.02}


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_graphs_are_the_plain_steps(language_model: LanguageModel, rows: int) -> None:
    runtime = make_language_runtime(language_model.to(GPU), "float16")
    assert isinstance(runtime, GraphedLanguage)
    plain = FloatLanguage(language_model, torch.float16)
    ids = torch.randint(0, 300, (rows, 12), device=GPU)
    found, wanted = runtime.start(rows), plain.start(rows)
    for column in ids.unbind(1):
        logits, found = runtime.step(column, found)
        wanted_logits, wanted = plain.step(column, wanted)
        torch.testing.assert_close(logits, wanted_logits, **CLOSE)
    assert runtime._captures


def test_all_kinds_agree_with_the_cpu(
    language_model: LanguageModel, classifier: Classifier, translator: Translator
) -> None:
    batch = pad([[4, 8, 300], [5]])
    wanted_classes = classifier(batch.ids, batch.lengths)
    source = pad([[translator.language_id("tr"), 5, 9, 0]])
    wanted_scores, _, _ = translator.decode(torch.tensor([[0]]), *translator.encode(source))
    logits, _ = make_classifier_runtime(classifier.to(GPU), "float16").classify(batch, explain=False)
    torch.testing.assert_close(logits.cpu(), wanted_classes, **CLOSE)
    runtime = make_translator_runtime(translator.to(GPU), "float16")
    memory, state = runtime.encode(source)
    scores, _, _ = runtime.step(torch.tensor([0]), state, memory)
    torch.testing.assert_close(scores.cpu(), wanted_scores[:, 0], **CLOSE)
