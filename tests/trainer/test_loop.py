"""Laws of the trainer: one seed is one result, and a run that was killed is a run that was not."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from models.device import trains_in_bfloat16
from models.errors import ConfigError, TrainingError
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.dropout import VariationalDropout
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.pixel_rnn import PixelRNN
from models.networks.translator import Translator, TranslatorConfig
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import SENTENCES
from tests.tiny_images import tiny_pixel_rnn
from trainer.data.bucketing import shuffled_length_buckets
from trainer.data.store import Ragged
from trainer.evaluation.language import language_stream
from trainer.loop.optimization import TrainingConfig
from trainer.loop.trainer import Evaluation, Progress, Trainer
from trainer.tasks.classification import ClassificationTask, ClassificationTaskConfig
from trainer.tasks.images import ImageTask, ImageTaskConfig
from trainer.tasks.language import LanguageTask, LanguageTaskConfig, joined_texts
from trainer.tasks.translation import TranslationTask, TranslationTaskConfig
from trainer.tasks.windows import WindowTask

CPU = torch.device("cpu")
CONFIG_OF_IMAGES = tiny_pixel_rnn().config
CONFIG = TrainingConfig(epochs=3, learning_rate=0.01, warmup_steps=2, average_decay=0.9, seed=5)
OTHER = TrainingConfig(
    epochs=3, optimizer="sgd", schedule="one-cycle", learning_rate=0.5, weight_drop=0.3, nonmono=1, patience=9,
    layer_rate_decay=0.5, unfreeze_epochs=0.3, gradient_accumulation_steps=2, evaluations_per_epoch=3, seed=5,
)  # fmt: skip


def language_task(tokenizer: SubwordTokenizer, cell: str = "lstm") -> LanguageTask:
    model = LanguageModel(LanguageModelConfig(tokenizer.size, 12, 12, cell=cell))
    stream = language_stream(tokenizer, SENTENCES).numpy()
    return LanguageTask(model, tokenizer, stream, SENTENCES[:2], LanguageTaskConfig(batch_size=3, bptt=9), seed=5)


def window_task(tokenizer: SubwordTokenizer) -> WindowTask:
    model = LanguageModel(LanguageModelConfig(tokenizer.size, 12, 12))
    stream = language_stream(tokenizer, SENTENCES).numpy()
    config = LanguageTaskConfig(batch_size=5, bptt=9, window=3)
    return WindowTask(model, tokenizer, stream, SENTENCES[:2], config, seed=5)


def classification_task(tokenizer: SubwordTokenizer) -> ClassificationTask:
    rows = [(text, "good" if index % 2 else "bad") for index, text in enumerate(SENTENCES)]
    texts = Ragged.of([tokenizer.encode(text) for text in SENTENCES])
    labels = np.arange(len(SENTENCES)) % 2
    model = Classifier(ClassifierConfig(tokenizer.size, ("bad", "good"), 12, 8))
    config = ClassificationTaskConfig(batch_size=3, max_tokens=10, subword_alpha=0.2)
    return ClassificationTask(model, tokenizer, texts, labels, rows[:4], config, seed=5)


def translation_task(tokenizer: SubwordTokenizer) -> TranslationTask:
    pairs = list(zip(SENTENCES[:4], SENTENCES[4:], strict=True))
    texts = tuple(Ragged.of([tokenizer.encode(text) for text in side]) for side in (SENTENCES[:4], SENTENCES[4:]))
    directions = (("en", "tr"), ("tr", "en"))
    model = Translator(TranslatorConfig(tokenizer.size, ("en", "tr"), directions, 12, 12))
    config = TranslationTaskConfig(batch_tokens=80, scored_pairs=1, subword_alpha=0.2)
    return TranslationTask(model, tokenizer, texts, pairs[:2], config, seed=5)


def image_task(_: SubwordTokenizer) -> ImageTask:
    generator = np.random.default_rng(1)
    images = generator.integers(0, 40, (14, 6, 5)).astype(np.uint8)
    config = ImageTaskConfig(batch_size=5, class_dropout=0.3, scored_images=2)
    return ImageTask(PixelRNN(CONFIG_OF_IMAGES), images, generator.integers(0, 3, 14), config, seed=5)


TASKS = [
    language_task,
    partial(language_task, cell="gru"),
    window_task,
    classification_task,
    image_task,
    pytest.param(translation_task, marks=pytest.mark.slow),
]


def new_trainer(make: Callable, tokenizer: SubwordTokenizer, config: TrainingConfig = CONFIG) -> Trainer:
    torch.manual_seed(config.seed)
    return Trainer(make(tokenizer), config, CPU)


def still(model: torch.nn.Module) -> None:
    """Take the noise out, so that two runs can be compared."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(module, VariationalDropout):
            module.rate = 0.0
    if hasattr(model.config, "word_dropout"):
        object.__setattr__(model.config, "word_dropout", 0.0)


def timeless(records: list[Progress | Evaluation]) -> list[Progress | Evaluation]:
    return [replace(record, seconds=0.0) if isinstance(record, Evaluation) else record for record in records]


def losses(records: list[Progress | Evaluation]) -> list[float]:
    return [record.loss for record in records if isinstance(record, Progress)]


@pytest.mark.parametrize("make", TASKS)
class TestEveryTask:
    def test_one_seed_is_one_result(self, make: Callable, tokenizer: SubwordTokenizer) -> None:
        first, second = (list(new_trainer(make, tokenizer).run()) for _ in range(2))
        assert losses(first) == losses(second)
        other = list(new_trainer(make, tokenizer, TrainingConfig(epochs=3, seed=6)).run())
        assert losses(first) != losses(other)

    @pytest.mark.parametrize("config", [CONFIG, OTHER], ids=["usual", "other"])
    @pytest.mark.parametrize("killed_after", [1, 4, 7])
    def test_resumed_is_uninterrupted(
        self, make: Callable, tokenizer: SubwordTokenizer, killed_after: int, config: TrainingConfig, tmp_path
    ) -> None:
        whole = new_trainer(make, tokenizer, config)
        records = list(whole.run())
        assert len(records) > killed_after

        killed = new_trainer(make, tokenizer, config)
        list(itertools.islice(killed.run(), killed_after))
        torch.save(killed.state_dict(), tmp_path / "state.pt")
        torch.manual_seed(999)  # another process starts somewhere else

        resumed = Trainer(make(tokenizer), config, CPU)
        resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        rest = list(resumed.run())
        assert timeless(records[:killed_after]) + timeless(rest) == timeless(records)
        for name, value in whole.best_weights().items():
            torch.testing.assert_close(resumed.best_weights()[name], value, rtol=0, atol=0)

    @pytest.mark.parametrize("parts", [2, 5])
    def test_in_parts_is_at_once(self, make: Callable, tokenizer: SubwordTokenizer, parts: int) -> None:
        runs = []
        for steps in (1, parts):
            config = TrainingConfig(
                epochs=2, learning_rate=0.01, warmup_steps=2, gradient_accumulation_steps=steps, precision="float32"
            )
            trainer = new_trainer(make, tokenizer, config)
            still(trainer.task.model)
            runs.append(losses(list(trainer.run())))
        assert runs[0] == pytest.approx(runs[1], rel=1e-4)

    def test_it_learns(self, make: Callable, tokenizer: SubwordTokenizer) -> None:
        config = TrainingConfig(epochs=25, learning_rate=0.02, warmup_steps=5, precision="float32", patience=1000)
        series = losses(list(new_trainer(make, tokenizer, config).run()))
        assert sum(series[-3:]) / 3 < 0.8 * series[0]


class TestStateReset:
    @pytest.mark.parametrize(("share", "carried"), [(0.0, 3), (1.0, 0)])
    def test_a_share_of_rows_starts_at_zero(self, tokenizer: SubwordTokenizer, share: float, carried: int) -> None:
        task = language_task(tokenizer)
        object.__setattr__(task.config, "state_reset", share)
        first, second, *_ = task.batches(0)
        task.loss(first)
        state = task._initial_state(second)
        assert int(state.hidden.abs().sum(dim=(0, 2)).bool().sum()) == carried
        assert task._initial_state(first) is None


class TestTrainer:
    def test_patience_ends_it(self, tokenizer: SubwordTokenizer) -> None:
        config = TrainingConfig(epochs=50, learning_rate=0.0, patience=3, evaluations_per_epoch=1)
        evaluations = [
            record for record in new_trainer(language_task, tokenizer, config).run() if isinstance(record, Evaluation)
        ]
        assert [record.best for record in evaluations] == [True, False, False, False]

    def test_the_rate_warms_up_and_falls_to_nothing(self, tokenizer: SubwordTokenizer) -> None:
        trainer = new_trainer(language_task, tokenizer)
        rates = [trainer.schedule.rate(step) for step in range(trainer.total_steps + 1)]
        assert rates[:2] == pytest.approx([0.005, 0.01])
        assert rates[2:] == sorted(rates[2:], reverse=True)
        assert rates[-1] == pytest.approx(0, abs=1e-9)

    def test_a_loss_that_is_no_number_stops_it(self, tokenizer: SubwordTokenizer) -> None:
        trainer = new_trainer(language_task, tokenizer)
        model: Any = trainer.task.model
        with torch.no_grad():
            model.bias[0] = math.nan
        with pytest.raises(TrainingError, match="the loss of step 0 is nan"):
            list(trainer.run())

    @pytest.mark.parametrize("field", [{"epochs": 0}, {"learning_rate": -1.0}, {"precision": "int4"}])
    def test_nonsense_is_refused(self, field: dict) -> None:
        with pytest.raises(ConfigError, match=next(iter(field))):
            TrainingConfig(**field)

    def test_bfloat16_where_it_is_faster(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cpu, gpu = torch.device("cpu"), torch.device("cuda")
        assert not trains_in_bfloat16("float32", gpu)
        for faster in (True, False):
            monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda faster=faster: faster)
            monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, faster=faster: faster)
            assert trains_in_bfloat16("auto", cpu) == faster
            assert trains_in_bfloat16("auto", gpu) == faster
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
        with pytest.raises(ConfigError, match="on this CPU"):
            trains_in_bfloat16("bfloat16", cpu)


class TestLanguageTask:
    def test_penalties_are_means_of_squares(self, tokenizer: SubwordTokenizer) -> None:
        values = []
        for alpha, beta in ((0.0, 0.0), (2.0, 0.0), (0.0, 3.0)):
            torch.manual_seed(5)
            task = language_task(tokenizer)
            still(task.model)
            task.config = LanguageTaskConfig(3, 9, ar_alpha=alpha, tar_beta=beta)
            values.append(task.loss(task.batches(0)[0]).item())
        hidden, _ = task.model.hidden_states(task._ids(task.inputs, task.batches(0)[0]))
        plain, with_alpha, with_beta = values
        assert with_alpha - plain == pytest.approx(2 * hidden.square().mean().item(), rel=1e-3)
        change = hidden[:, 1:] - hidden[:, :-1]
        assert with_beta - plain == pytest.approx(3 * change.square().mean().item(), rel=1e-3)

    def test_the_score_that_decides_is_finite_where_a_text_is_one_word(self, tokenizer: SubwordTokenizer) -> None:
        text = "".join(SENTENCES * 20).replace(" ", "")
        model = LanguageModel(LanguageModelConfig(tokenizer.size, 12, 12)).eval()
        stream = language_stream(tokenizer, [text])
        task = LanguageTask(model, tokenizer, stream.numpy(), [text], LanguageTaskConfig(batch_size=3), seed=5)
        with torch.inference_mode():
            assert task.validate()[task.metric] < 2 * tokenizer.size

    def test_joined_texts_lack_a_share_of_their_ends(self) -> None:
        stream = np.array([0, *([5, 6, 0] * 4000)])
        joined = joined_texts(stream, end_id=0, share=0.25, seed=5)
        assert (joined[joined != 0] == stream[stream != 0]).all()
        assert joined[0] == joined[-1] == 0
        assert (joined == 0).sum() == pytest.approx(0.75 * 4000, rel=0.05)
        assert (joined == joined_texts(stream, end_id=0, share=0.25, seed=5)).all()


class TestBuckets:
    LENGTHS = np.array([5, 1, 9, 3, 3, 7, 2, 30, 4, 4, 4])

    def test_every_index_once_and_within_limits(self) -> None:
        batches = shuffled_length_buckets(self.LENGTHS, batch_tokens=12, seed=1, epoch=0, batch_rows=3)
        assert sorted(index for batch in batches for index in batch) == list(range(11))
        for batch in batches:
            longest = max(self.LENGTHS[index] for index in batch)
            assert len(batch) <= 3
            assert len(batch) == 1 or len(batch) * longest <= 12

    def test_epochs_differ_and_repeat(self) -> None:
        first, again, second = (shuffled_length_buckets(self.LENGTHS, 12, 1, epoch) for epoch in (0, 0, 1))
        assert [batch.tolist() for batch in first] == [batch.tolist() for batch in again]
        assert [batch.tolist() for batch in first] != [batch.tolist() for batch in second]
