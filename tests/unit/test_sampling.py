from collections import Counter

import pytest
import torch

from models.sampling import SamplingConfig, choose, draw, keep

LOGITS = torch.tensor([1.0, 3.0, 2.0, -1.0, 2.5])


class TestDraw:
    def test_is_a_function_of_its_key(self) -> None:
        assert draw(1, 2, 3) == draw(1, 2, 3)
        assert len({draw(seed, choice, step) for seed in range(5) for choice in range(5) for step in range(5)}) == 125

    def test_is_uniform(self) -> None:
        numbers = [draw(7, 0, step) for step in range(4000)]
        assert min(numbers) >= 0
        assert max(numbers) < 1
        tenths = Counter(int(number * 10) for number in numbers)
        assert max(tenths.values()) - min(tenths.values()) < 120  # about 6 standard deviations


class TestChoose:
    def test_temperature_zero_is_the_likeliest(self) -> None:
        assert {choose(LOGITS, SamplingConfig(0.0), [], number / 10) for number in range(10)} == {1}

    def test_frequencies_are_probabilities(self) -> None:
        count = 4000
        found = Counter(choose(LOGITS, SamplingConfig(1.0), [], (step + 0.5) / count) for step in range(count))
        for index, probability in enumerate(torch.softmax(LOGITS, dim=-1).tolist()):
            assert found[index] / count == pytest.approx(probability, abs=2 / count)

    def test_top_k_keeps_k(self) -> None:
        assert {choose(LOGITS, SamplingConfig(5.0, top_k=2), [], step / 50) for step in range(50)} == {1, 4}

    def test_top_p_keeps_the_smallest_set(self) -> None:
        ranked = torch.tensor([0.5, 0.3, 0.15, 0.05])
        assert [keep(ranked, None, top_p) for top_p in (0.01, 0.5, 0.51, 0.8, 0.81, 1.0)] == [1, 1, 2, 2, 3, 4]
        assert keep(ranked, 2, 0.81) == 2

    def test_repetition_penalty_makes_seen_tokens_less_likely(self) -> None:
        assert choose(LOGITS, SamplingConfig(0.0, repetition_penalty=2.0), [1], 0.5) == 4
        assert choose(-LOGITS, SamplingConfig(0.0, repetition_penalty=9.0), [3], 0.5) == 3  # 1/9 is still the greatest
        assert LOGITS.tolist() == [1.0, 3.0, 2.0, -1.0, 2.5]

    @pytest.mark.parametrize("number", [0.0, 0.999999999])
    def test_the_ends_of_the_range_are_choices(self, number: float) -> None:
        assert 0 <= choose(LOGITS, SamplingConfig(0.01, top_p=0.9), [], number) < 5
