import pytest
import torch

from models.batch import pad
from models.decoding.beam_search import Beam, BeamBatch, SearchConfig, encode, translate
from models.networks.translator import Translator
from models.runtime.float import FloatTranslator

TEXTS = [[5, 9, 0], [7, 0], [4, 8, 15, 16, 23, 0]]


def greedy(model: Translator, ids: list[int], max_length: int) -> list[int]:
    """The likeliest token at each step, written as plainly as can be."""
    encoded, state = model.encode(pad([ids]))
    token, output = 0, []
    for _ in range(max_length):
        logits, _, state = model.decode(torch.tensor([[token]]), encoded, state)
        token = int(logits[0, -1].argmax())
        if token == 0:
            break
        output.append(token)
    return output


@pytest.fixture
def sharp(translator: Translator) -> Translator:
    """A model whose outputs end now and then: an untrained one hardly ever does."""
    with torch.no_grad():
        translator.bias[0] += 2.0
        translator.embedding.weight *= 3
    return translator


@pytest.fixture
def sources(translator: Translator) -> list[list[int]]:
    return [[translator.language_id("tr"), *ids] for ids in TEXTS]


class TestBeamSearch:
    def test_a_beam_of_one_is_greedy(self, sources: list[list[int]], sharp: Translator) -> None:
        results = translate(FloatTranslator(sharp), sources, 0, SearchConfig(beam_size=1, max_length=12))
        assert [list(best.ids) for (best,) in results] == [greedy(sharp, ids, 12) for ids in sources]

    @pytest.mark.parametrize("beam_size", [1, 3, 5])
    def test_in_company_as_alone(self, sources: list[list[int]], sharp: Translator, beam_size: int) -> None:
        config = SearchConfig(beam_size=beam_size, max_length=12, keep_attention=True)
        together = translate(FloatTranslator(sharp), sources, 0, config)
        for ids, hypotheses in zip(sources, together, strict=True):
            (alone,) = translate(FloatTranslator(sharp), [ids], 0, config)
            assert [one.ids for one in hypotheses] == [one.ids for one in alone]
            for one, other in zip(hypotheses, alone, strict=True):
                torch.testing.assert_close(one.attention, other.attention, rtol=1e-4, atol=1e-5)

    def test_scores_are_the_models_own(self, sources: list[list[int]], sharp: Translator) -> None:
        (hypotheses,) = translate(FloatTranslator(sharp), sources[:1], 0, SearchConfig(beam_size=4, max_length=12))
        for hypothesis in hypotheses:
            target = [*hypothesis.ids, *([0] if hypothesis.finished else [])]
            logits, _, _ = sharp.decode(torch.tensor([[0, *target[:-1]]]), *sharp.encode(pad(sources[:1])))
            logprobs = torch.log_softmax(logits[0].detach(), dim=-1)
            total = sum(float(logprobs[step, token]) for step, token in enumerate(target))
            assert hypothesis.logprob == pytest.approx(total, rel=1e-4)
            assert hypothesis.score == pytest.approx(total / len(target), rel=1e-4)

    def test_the_best_comes_first_and_none_twice(self, sources: list[list[int]], sharp: Translator) -> None:
        for hypotheses in translate(FloatTranslator(sharp), sources, 0, SearchConfig(beam_size=5, max_length=12)):
            finished = [one.score for one in hypotheses if one.finished]
            assert finished == sorted(finished, reverse=True)
            assert len({one.ids for one in hypotheses}) == len(hypotheses) <= 5

    def test_the_limit_holds(self, sources: list[list[int]], translator: Translator) -> None:
        with torch.no_grad():
            translator.bias[0] = -1e4  # it can't end
        for hypotheses in translate(FloatTranslator(translator), sources, 0, SearchConfig(beam_size=2, max_length=7)):
            assert all(len(one.ids) == 7 and not one.finished for one in hypotheses)

    def test_sentences_join_and_leave_at_any_step(self, sources: list[list[int]], sharp: Translator) -> None:
        config, runtime = SearchConfig(beam_size=3, max_length=12), FloatTranslator(sharp)
        alone = [[one.ids for one in translate(runtime, [ids], 0, config)[0]] for ids in sources]
        batch, beams = BeamBatch(runtime, 0, 3), [Beam(ids, config) for ids in sources * 2]
        with torch.inference_mode():
            for beam in beams:  # one joins after each step
                batch.add([beam], *encode(runtime, [beam]))
                batch.step()
            other = batch.split() if len(batch) > 1 else BeamBatch(runtime, 0, 3)
            for part in (batch, other):
                while len(part):
                    part.step()
        assert [[one.ids for one in beam.results()] for beam in beams] == alone * 2

    def test_attention_is_kept_where_longer_sentences_join_and_leave(
        self, sources: list[list[int]], sharp: Translator
    ) -> None:
        runtime, short, long = FloatTranslator(sharp), sources[1], sources[2]
        config = SearchConfig(beam_size=2, max_length=12, keep_attention=True)
        (alone,) = translate(runtime, [short], 0, config)
        batch, beam = BeamBatch(runtime, 0, 2), Beam(short, config)
        batch.add([beam], *encode(runtime, [beam]))
        batch.step()
        guest = Beam(long, SearchConfig(beam_size=2, max_length=2))  # the batch is wider for two steps
        batch.add([guest], *encode(runtime, [guest]))
        while len(batch):
            batch.step()
        for one, other in zip(beam.results(), alone, strict=True):
            torch.testing.assert_close(one.attention, other.attention, rtol=1e-4, atol=1e-5)

    def test_a_step_that_fails_changes_nothing(self, sources: list[list[int]], sharp: Translator) -> None:
        config, runtime = SearchConfig(beam_size=3, max_length=12), FloatTranslator(sharp)
        expected = [[one.ids for one in hypotheses] for hypotheses in translate(runtime, sources, 0, config)]
        batch, beams = BeamBatch(runtime, 0, 3), [Beam(ids, config) for ids in sources]
        with torch.inference_mode():
            batch.add(beams, *encode(runtime, beams))
            while len(batch):
                batch.runtime = None  # type: ignore[assignment] # it can't step
                with pytest.raises(AttributeError):
                    batch.step()
                batch.runtime = runtime
                batch.step()
        assert [[one.ids for one in beam.results()] for beam in beams] == expected
