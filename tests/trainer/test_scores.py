"""Laws of the scores: without its addition a method is the plain one, and known parameters are recovered."""

import json
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from models.errors import ConfigError, DataError
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.text.tokenizers import SubwordTokenizer, WordTokenizer
from tests.conftest import SENTENCES
from trainer.data.corpus import Corpus, CorpusWriter
from trainer.data.subwords import SubwordSampler
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.cache import score_with_cache
from trainer.evaluation.classification import (
    calibration_bins,
    calibration_error,
    cross_fitted_error,
    fit_temperature,
    score_classes,
)
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.dynamic import score_dynamically
from trainer.evaluation.language import evaluate_language, language_stream
from trainer.evaluation.likelihood import score_documents, score_in_parallel, score_stream
from trainer.evaluation.translation import score_translations


@pytest.fixture
def model() -> LanguageModel:
    torch.manual_seed(4)
    return LanguageModel(LanguageModelConfig(12, 8, 8, 2)).eval()


STREAM = torch.tensor([0, *([3, 4, 5, 6] * 40), 0])


class TestStream:
    def test_the_chunks_do_not_matter(self, model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
        with torch.inference_mode():
            whole = score_stream(model, STREAM)
            monkeypatch.setattr("trainer.evaluation.likelihood.MAX_LOGITS", 7)
            cut = score_stream(model, STREAM)
            logits, _ = model(STREAM[:-1].unsqueeze(0))
        expected = torch.nn.functional.cross_entropy(logits[0], STREAM[1:], reduction="none").double()
        torch.testing.assert_close(whole, expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(cut, expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("rows", [1, 2, 3, 50])
    def test_side_by_side_each_part_is_a_stream_of_its_own(self, model: LanguageModel, rows: int) -> None:
        """It is cut where texts end only: with as many rows as texts, each is alone; with one row all are together."""
        draw = random.Random(5)
        texts = [[draw.randrange(1, 12) for _ in range(draw.randrange(1, 30))] for _ in range(9)]
        stream = torch.tensor([0, *(token for text in texts for token in [*text, 0])])
        with torch.inference_mode():
            parallel = score_in_parallel(model, stream, 0, rows)
            whole = score_stream(model, stream)
            alone = torch.cat([score_stream(model, torch.tensor([0, *text, 0])) for text in texts])
        assert parallel.shape == whole.shape
        if rows == 1:
            torch.testing.assert_close(parallel, whole, rtol=1e-4, atol=1e-5)
        if rows == 50:
            torch.testing.assert_close(parallel, alone, rtol=1e-4, atol=1e-5)
        first = len(texts[0]) + 1
        torch.testing.assert_close(parallel[:first], whole[:first], rtol=1e-4, atol=1e-5)

    def test_a_text_can_spell_the_end_of_a_word_vocabulary(self, model: LanguageModel) -> None:
        words = WordTokenizer(["</s>", "<unk>", *map(str, range(10))])
        with torch.inference_mode():
            scores = evaluate_language(model, words, ["1 </s> 2", "3"], EvaluationConfig(resamples=20))
        assert scores["words"] == 6
        low, high = scores["perplexity_per_word_95"]
        assert low <= scores["perplexity_per_word"] <= high


class TestDocuments:
    def test_each_text_is_a_stream_of_its_own(self, tokenizer: SubwordTokenizer) -> None:
        torch.manual_seed(4)
        model = LanguageModel(LanguageModelConfig(tokenizer.size, 8, 8, 2)).eval()
        with torch.inference_mode():
            streams = sum(float(score_stream(model, language_stream(tokenizer, [text])).sum()) for text in SENTENCES)
            assert score_documents(model, tokenizer, SENTENCES) == pytest.approx(streams, rel=1e-5)


class TestCache:
    def test_without_weight_it_is_the_model(self, model: LanguageModel) -> None:
        config = EvaluationConfig(cache_window=20, cache_weight=0.0)
        with torch.inference_mode():
            torch.testing.assert_close(
                score_with_cache(model, STREAM, config, chunk=9), score_stream(model, STREAM), rtol=1e-4, atol=1e-5
            )

    def test_it_is_the_paper_s_sum(self, model: LanguageModel) -> None:
        config = EvaluationConfig(cache_window=5, cache_weight=0.3, cache_flatness=0.7)
        with torch.inference_mode():
            losses = score_with_cache(model, STREAM, config, chunk=4)
            hidden = model.hidden_states(STREAM[:-1].unsqueeze(0))[0][0]
            predicted = torch.softmax(model.score(hidden), dim=-1)
        for step in (0, 1, 3, 17, len(losses) - 1):
            target = int(STREAM[step + 1])
            past = range(max(0, step - 5), step)
            weights = torch.tensor([float(torch.exp(0.7 * hidden[step] @ hidden[index])) for index in past])
            hits = torch.tensor([int(STREAM[index + 1]) == target for index in past])
            expected = predicted[step, target]
            if len(weights):
                expected = 0.7 * expected + 0.3 * (weights * hits).sum() / weights.sum()
            assert losses[step].item() == pytest.approx(-expected.log().item(), rel=1e-4)


class TestDynamic:
    def test_at_no_rate_it_is_the_model_and_it_leaves_it_alone(self, model: LanguageModel) -> None:
        before = {name: value.clone() for name, value in model.state_dict().items()}
        with torch.inference_mode():
            static = float(score_stream(model, STREAM).sum())
            still = score_dynamically(model, STREAM, EvaluationConfig(dynamic_rate=0.0))
            moving = score_dynamically(model, STREAM, EvaluationConfig(dynamic_rate=1.0))
            pulled = score_dynamically(model, STREAM, EvaluationConfig(dynamic_rate=1.0, dynamic_decay=1.0))
        assert still == pytest.approx(static, rel=1e-4)
        assert moving < static, "the stream repeats itself: there is something to learn"
        assert pulled == pytest.approx(static, rel=1e-4), "all that was learned is pulled back at once"
        assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


class TestCalibration:
    @pytest.fixture
    def honest(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits whose softmax is the truth, with labels drawn from it."""
        draw = torch.Generator().manual_seed(2)
        logits = torch.randn(20_000, 3, generator=draw)
        return logits, torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=draw)[:, 0]

    @pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
    def test_a_known_temperature_is_found(self, honest: tuple, scale: float) -> None:
        logits, targets = honest
        assert fit_temperature(logits * scale, targets) == pytest.approx(scale, rel=0.05)
        assert cross_fitted_error(logits * scale, targets) < 0.015

    def test_the_error_is_the_gap(self, honest: tuple) -> None:
        logits, targets = honest
        assert calibration_error(torch.softmax(logits.double(), dim=-1), targets) < 0.015
        sure = torch.nn.functional.one_hot(logits.argmax(dim=1), 3).double()
        accuracy = (logits.argmax(dim=1) == targets).double().mean().item()
        assert calibration_error(sure, targets) == pytest.approx(1 - accuracy, abs=1e-6)
        assert sum(part["texts"] for part in calibration_bins(sure, targets)) == len(targets)

    def test_too_few_errors_tell_nothing(self) -> None:
        logits = torch.tensor([[1.0, 0.0]] * 40)
        assert fit_temperature(logits, torch.zeros(40, dtype=torch.int64)) == 1.0


class TestClasses:
    def test_every_number_by_hand(self) -> None:
        logits = torch.tensor([[2.0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [0, 2, 0]])
        targets = torch.tensor([0, 1, 1, 2, 0])
        scores = score_classes(logits, targets, ("a", "b", "c"))
        assert scores["accuracy"] == pytest.approx(3 / 5)
        assert scores["confusion"] == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
        assert scores["classes"]["a"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "texts": 2}
        assert scores["classes"]["c"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "texts": 1}


class TestInterval:
    def test_it_is_that_of_the_normal_approximation(self) -> None:
        right = np.random.default_rng(1).random(4000) < 0.9
        low, high = interval(right.astype(float), np.ones(4000), 2000)
        assert [low, high] == pytest.approx([right.mean() - 0.0093, right.mean() + 0.0093], abs=0.001)

    def test_translations(self) -> None:
        scores = score_translations(SENTENCES, SENTENCES, EvaluationConfig(resamples=50))
        assert scores["bleu"] == pytest.approx(100)
        assert json.loads(json.dumps(scores))["bleu_95"] == pytest.approx([100, 100])
        assert (
            "tok:none"
            in score_translations(SENTENCES, SENTENCES, EvaluationConfig(bleu_tokenize="none"))["bleu_signature"]
        )

    def test_translations_of_which_most_share_nothing_with_the_reference(self) -> None:
        """The law: whatever the resamples score, 0 or more, there is an interval around the score."""
        right = "the cat sat on the red mat"
        for wrong in (1, 3, 19):
            hypotheses = [right, *["köpek"] * wrong]
            scores = score_translations(hypotheses, [right, *["bir şey"] * wrong], EvaluationConfig(resamples=50))
            for name in ("bleu", "chrf2"):
                low, high = scores[f"{name}_95"]
                assert low <= scores[name] <= high
            json.dumps(scores)


class TestSubwords:
    def test_another_segmentation_of_the_same_text(self, tokenizer: SubwordTokenizer) -> None:
        sampler, draw = SubwordSampler(tokenizer, 0.1), random.Random(1)
        differ = 0
        for text in [*SENTENCES, "an e\u0301 \u2581 \0 end", "x" * 500]:
            ids = tokenizer.encode(text)
            sampled = sampler.sample(ids, draw)
            assert tokenizer.decode(sampled) == tokenizer.decode(ids)
            differ += sampled != ids
        assert differ > len(SENTENCES) // 2

    def test_a_high_power_is_the_likeliest(self, tokenizer: SubwordTokenizer) -> None:
        sampler = SubwordSampler(tokenizer, 10.0)
        ids = tokenizer.encode(SENTENCES[0])
        likeliest = [piece for word in tokenizer.words(ids) for piece in tokenizer.segmentations(word, 4)[0][0]]
        counts = sum(sampler.sample(ids, random.Random(seed)) == likeliest for seed in range(20))
        assert counts > 10

    def test_whole_words_have_none(self) -> None:
        with pytest.raises(ConfigError, match="tokenizer=subword"):
            SubwordSampler(WordTokenizer(["</s>", "<unk>"]), 0.1)


class TestCorpus:
    def test_what_is_written_is_read(self, tokenizer: SubwordTokenizer, tmp_path) -> None:
        rows = [(text, "good" if index % 2 else "bad") for index, text in enumerate(SENTENCES)]
        identity = {"settings": {"epochs": 3}}
        CorpusWriter(tmp_path / "c", tokenizer, False, 1, identity).write(iter(rows), rows[:2])
        corpus, again = Corpus.open(tmp_path / "c", 1, identity)
        assert [corpus.columns[0][index].tolist() for index in range(len(rows))] == [
            tokenizer.encode(text) for text, _ in rows
        ]
        assert [corpus.label_names[label] for label in corpus.labels] == [label for _, label in rows]
        assert again.to_bytes() == tokenizer.to_bytes()
        with pytest.raises(DataError, match=r'other settings: \{"epochs": 3\}'):
            Corpus.open(tmp_path / "c", 1, {"settings": {"epochs": 4}})

    def test_a_stream_is_the_texts_between_ends(self, tokenizer: SubwordTokenizer, tmp_path) -> None:
        CorpusWriter(tmp_path / "c", tokenizer, True, 1, {}).write(((text,) for text in SENTENCES), [])
        corpus, _ = Corpus.open(tmp_path / "c", 1, {})
        assert corpus.columns[0].values.tolist() == language_stream(tokenizer, SENTENCES).tolist()

    def test_a_writer_that_was_killed_left_nothing_whole(self, tokenizer: SubwordTokenizer, tmp_path) -> None:
        CorpusWriter(tmp_path / "c", tokenizer, True, 1, {}).write([("a",)], [])
        writer = CorpusWriter(tmp_path / "c", tokenizer, True, 1, {})

        def killed() -> Iterator[tuple[str]]:
            yield ("a",)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            writer.write(killed(), [])
        assert not Corpus.is_whole(tmp_path / "c")
