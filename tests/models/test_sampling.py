"""Choosing tokens, for a whole batch at once."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from models.adjustments import join_adjustments
from models.reductions import BLOCK, row_sums, top
from models.sampling import Sampler, SamplingConfig, SamplingStep, random_key, sample, uniforms

CPU = torch.device("cpu")
LOGITS = torch.tensor([1.0, 3.0, 2.0, -1.0, 2.5])
CONFIGS = [
    SamplingConfig(0.0),
    SamplingConfig(0.8),
    SamplingConfig(1.3, top_k=7),
    SamplingConfig(1.3, top_k=200, top_p=0.9),
    SamplingConfig(1.0, top_p=0.4),
    SamplingConfig(2.0, top_p=1.0, repetition_penalty=1.4),
    SamplingConfig(0.0, repetition_penalty=1.4),
    SamplingConfig(1.5, presence_penalty=0.7, frequency_penalty=-0.4, logit_bias=((3, 2.0), (1, -100.0))),
    SamplingConfig(0.9, top_k=5, frequency_penalty=0.8),
    SamplingConfig(1.2, typical_p=0.6),
    SamplingConfig(1.2, top_k=50, top_p=0.9, typical_p=0.3),
]


def choose_all(
    logits: torch.Tensor, configs: list[SamplingConfig], seen: list[int], numbers: torch.Tensor
) -> list[int]:
    """One id a row of logits (B, V), of which all may be chosen."""
    masked = torch.full((len(configs), 1), logits.shape[1])
    step = Sampler(configs, CPU).step(numbers, masked, [config.adjustments(seen) for config in configs])
    chosen: list[int] = sample(logits, step).tolist()
    return chosen


def choose(logits: torch.Tensor, config: SamplingConfig, seen: list[int], number: float) -> int:
    return choose_all(logits.unsqueeze(0), [config], seen, torch.tensor([number], dtype=torch.float64))[0]


def step_texts(config: SamplingConfig, count: int) -> list[Any]:
    return [config.adjustments([1, 2]) for _ in range(count)]


def number(seed: int, choice: int, step: int) -> float:
    return float(uniforms(np.array([random_key(seed, choice)], np.uint64), np.array([step], np.uint64))[0])


class TestUniforms:
    def test_are_functions_of_their_keys(self) -> None:
        assert number(1, 2, 3) == number(1, 2, 3)
        numbers = {number(seed, choice, step) for seed in range(5) for choice in range(5) for step in range(5)}
        assert len(numbers) == 125

    def test_one_by_one_as_together(self) -> None:
        keys = np.array([random_key(seed, 0) for seed in range(9)], np.uint64)
        together = uniforms(keys, np.arange(9, dtype=np.uint64))
        assert [number(seed, 0, seed) for seed in range(9)] == together.tolist()

    @pytest.mark.parametrize("key", [0, 1, 2**63 - 1])
    def test_are_uniform_and_independent(self, key: int) -> None:
        steps = np.arange(4000, dtype=np.uint64)
        numbers = uniforms(np.full(4000, random_key(key, 0), np.uint64), steps)
        assert numbers.min() >= 0
        assert numbers.max() < 1
        tenths = np.bincount((numbers * 10).astype(int), minlength=10)
        assert tenths.max() - tenths.min() < 120  # about 6 standard deviations
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.08


class TestChoose:
    def test_temperature_zero_is_the_likeliest(self) -> None:
        assert {choose(LOGITS, SamplingConfig(0.0), [], number / 10) for number in range(10)} == {1}

    @pytest.mark.parametrize(
        "config", [SamplingConfig(1.0), SamplingConfig(1.0, top_k=5), SamplingConfig(1.0, top_p=1.0)]
    )
    @pytest.mark.parametrize("size", [5, BLOCK, 3 * BLOCK + 1])
    def test_frequencies_are_probabilities(self, size: int, config: SamplingConfig) -> None:
        if config.top_k:
            config = SamplingConfig(1.0, top_k=size)
        torch.manual_seed(size)
        logits, count = torch.randn(size), 4000
        numbers = (torch.arange(count, dtype=torch.float64) + 0.5) / count
        counts = Counter(choose_all(logits.expand(count, size), [config] * count, [], numbers))
        for index, probability in enumerate(torch.softmax(logits, dim=-1).tolist()):
            assert counts[index] / count == pytest.approx(probability, abs=2 / count)

    def test_top_k_keeps_k(self) -> None:
        assert {choose(LOGITS, SamplingConfig(5.0, top_k=2), [], step / 50) for step in range(50)} == {1, 4}

    @pytest.mark.parametrize(
        ("top_p", "size"), [(0.01, 1), (0.5, 1), (0.51, 2), (0.8, 2), (0.81, 3), (0.96, 4), (1.0, 4)]
    )
    def test_top_p_keeps_the_smallest_set(self, top_p: float, size: int) -> None:
        logits = torch.tensor([0.15, 0.5, 0.05, 0.3], dtype=torch.float64).log().float()
        expected = {1, 3, 0, 2} if size == 4 else {1, 3, 0} if size == 3 else {1, 3} if size == 2 else {1}
        assert {choose(logits, SamplingConfig(1.0, top_p=top_p), [], step / 200) for step in range(200)} == expected

    def test_top_k_and_top_p_both_hold(self) -> None:
        config = SamplingConfig(1.0, top_k=2, top_p=0.99)
        assert {choose(LOGITS, config, [], step / 50) for step in range(50)} == {1, 4}

    @pytest.mark.parametrize("mass", [0.1, 0.5, 0.9, 0.999])
    @pytest.mark.parametrize("filters", [{}, {"top_k": 20}, {"top_p": 0.8}])
    def test_typical_keeps_what_is_near_to_the_entropy(self, mass: float, filters: dict[str, Any]) -> None:
        """The smallest set of the least |-log p - H| that holds the mass, of what the other filters keep."""
        logits = torch.randn(300, generator=torch.Generator().manual_seed(3)) * 2
        probabilities = torch.softmax(logits.double(), dim=0)
        ranked, ids = probabilities.sort(descending=True)
        kept = torch.arange(300) < filters.get("top_k", 300)
        kept &= ranked.cumsum(0) - ranked < filters.get("top_p", 2.0)
        shares = ranked[kept] / ranked[kept].sum()
        distances = (-shares.log() + (shares * shares.log()).sum()).abs()
        order = distances.argsort()
        size = int((shares[order].cumsum(0) < mass).sum()) + 1
        typical = set(ids[kept][order[:size]].tolist())
        config = SamplingConfig(1.0, typical_p=mass, **filters)
        numbers = torch.linspace(0, 1, 2000, dtype=torch.float64) * (1 - 1e-9)
        chosen = choose_all(logits.expand(2000, -1), [config] * 2000, [], numbers)
        assert set(chosen) <= typical
        assert sum(float(probabilities[index]) for index in set(chosen)) > 0.97 * sum(
            float(probabilities[index]) for index in typical
        )

    def test_typical_may_leave_out_the_likeliest(self) -> None:
        logits = torch.tensor([0.5, *[0.04] * 12, *[0.002] * 10]).log()
        chosen = [choose(logits, SamplingConfig(1.0, typical_p=0.3), [], index / 20) for index in range(20)]
        assert 0 not in chosen

    def test_a_set_larger_than_any_first_guess(self) -> None:
        """Ranked in growing parts, the candidates are those of a full sort."""
        torch.manual_seed(5)
        logits = torch.randn(1, 3000) / 10
        probabilities = torch.softmax(logits, dim=1)
        ranked = probabilities.sort(dim=1, descending=True).values
        cumulative = ranked.double().cumsum(dim=1)[0]
        for top_k, top_p in ((None, 0.9), (2000, None), (70, 0.5), (None, 0.999)):
            size = top_k or 3000
            if top_p:
                size = min(size, int((cumulative - ranked[0] < top_p).sum()))
            for number in (0.0, 0.37, 0.999999):
                position = int((cumulative[:size] <= number * cumulative[size - 1]).sum())
                chosen = choose(logits[0], SamplingConfig(1.0, top_k, top_p), [], number)
                assert probabilities[0, chosen] == ranked[0, position]  # of equals, either

    def test_repetition_penalty_makes_seen_tokens_less_likely(self) -> None:
        assert choose(LOGITS, SamplingConfig(0.0, repetition_penalty=2.0), [1], 0.5) == 4
        assert choose(-LOGITS, SamplingConfig(0.0, repetition_penalty=9.0), [3], 0.5) == 3  # 1/9 is still the greatest
        assert LOGITS.tolist() == [1.0, 3.0, 2.0, -1.0, 2.5]

    @pytest.mark.parametrize("config", CONFIGS)
    @pytest.mark.parametrize("number", [0.0, 0.9999999999999999])
    def test_the_ends_of_the_range_are_choices(self, number: float, config: SamplingConfig) -> None:
        assert 0 <= choose(LOGITS, config, [2], number) < 5

    @pytest.mark.parametrize("size", [5, BLOCK, 3 * BLOCK - 1])
    def test_masked_ids_are_not_sampled(self, size: int) -> None:
        """And the rest keep their shares."""
        torch.manual_seed(size)
        logits, count, masked = torch.randn(size), 4000, 3
        numbers = (torch.arange(count, dtype=torch.float64) + 0.5) / count
        step = SamplingStep(torch.ones(count, 1), numbers, torch.full((count, 1), masked))
        counts = Counter(sample(logits.expand(count, size), step).tolist())
        expected = torch.softmax(logits, dim=-1)
        expected[masked] = 0
        for index, probability in enumerate((expected / expected.sum()).tolist()):
            assert counts[index] / count == pytest.approx(probability, abs=2 / count)

    @pytest.mark.parametrize("config", CONFIGS)
    def test_masked_ids_are_not_sampled_whatever_the_settings(self, config: SamplingConfig) -> None:
        """Not even where almost all of the probability is the masked id's; greedy: the likeliest of the others."""
        logits, count = torch.randn(300, generator=torch.Generator().manual_seed(1)), 50
        logits[3] = 14.0
        masked, numbers = torch.full((count, 1), 3), torch.linspace(0, 0.999, count, dtype=torch.float64)
        step = Sampler([config] * count, CPU).step(numbers, masked, step_texts(config, count))
        chosen = sample(logits.expand(count, -1), step).tolist()
        if config.greedy:  # no probability is left: the last id says so, and the engine samples again without the end
            assert set(chosen) == {299}
            return
        logits[3] = float("-inf")
        without = Sampler([config] * count, CPU).step(numbers, torch.full((count, 1), 300), step_texts(config, count))
        assert chosen == sample(logits.expand(count, -1), without).tolist()

    def test_the_first_of_equals_is_the_likeliest(self) -> None:
        logits = torch.zeros(2, 200)
        logits[0, [70, 71, 199]] = 1e-3
        assert choose_all(logits, [SamplingConfig(0.0)] * 2, [], torch.tensor([0.99, 0.5]).double()) == [70, 0]

    def test_equals_are_ranked_by_their_ids(self) -> None:
        logits = torch.zeros(300)
        logits[[5, 299]] = 1.0
        for config in (SamplingConfig(1.0, top_k=6), SamplingConfig(1.0, top_k=6, top_p=0.999)):
            chosen = {choose(logits, config, [], step / 60) for step in range(60)}
            assert chosen == {5, 299, 0, 1, 2, 3}

    def test_one_token_is_a_choice(self) -> None:
        assert choose(torch.tensor([0.3]), SamplingConfig(0.8), [], 0.5) == 0

    @pytest.mark.parametrize("size", [5, 64, 700, 4097])
    def test_in_company_as_alone(self, size: int) -> None:
        """Every kind of row beside every other: the very same choices."""
        torch.manual_seed(size)
        rows = CONFIGS * 6
        logits, numbers = torch.randn(len(rows), size) * 3, torch.rand(len(rows), dtype=torch.float64)
        chosen = choose_all(logits, rows, [1, 2, 4], numbers)
        for row, config in enumerate(rows):
            assert choose(logits[row], config, [1, 2, 4], float(numbers[row])) == chosen[row]


@pytest.mark.parametrize("size", [1, 5, 64, 65, 2000, 6001])
@pytest.mark.parametrize("count", [1, 3, 10])
def test_top_is_a_full_sort(size: int, count: int) -> None:
    torch.manual_seed(size)
    values = torch.randn(7, size)
    greatest, columns = top(values, count)
    expected = values.sort(dim=1, descending=True).values[:, :count]
    assert torch.equal(greatest, expected)
    assert torch.equal(values.gather(1, columns), expected)


@pytest.mark.parametrize("size", [1, 64, 6001, 100_000])
def test_sums_do_not_depend_on_company(size: int) -> None:
    values = torch.rand(33, size)
    together = row_sums(values)
    assert all(torch.equal(row_sums(values[row : row + 1])[0], together[row]) for row in range(33))
    torch.testing.assert_close(together, values.sum(dim=1))


class TestAdjustments:
    def test_as_openai_defines_them(self) -> None:
        """mu[j] - c[j] * frequency - float(c[j] > 0) * presence, and the bias on top: the likeliest of those."""
        counts = {1: 3, 4: 1}
        for presence, frequency, bias in (
            (0.6, 0.0, {}),
            (0.0, 0.4, {}),
            (0.3, 0.2, {0: 2.2}),
            (0.0, 0.0, {3: 100, 1: -100}),
        ):
            config = SamplingConfig(
                0.0, presence_penalty=presence, frequency_penalty=frequency, logit_bias=tuple(bias.items())
            )
            expected = [
                float(value) - counts.get(token, 0) * frequency - (token in counts) * presence + bias.get(token, 0)
                for token, value in enumerate(LOGITS)
            ]
            text = config.adjustments([0, 1, 4])
            assert text is not None
            for token, count in counts.items():
                for _ in range(count):
                    text.push(token)
            step = Sampler([config], CPU).step(torch.tensor([0.5]).double(), torch.tensor([[5]]), [text])
            rows = LOGITS.unsqueeze(0)
            assert sample(rows, step).tolist() == [int(np.argmax(expected))]
            assert torch.equal(rows[0], LOGITS)  # what tokens are scored by stays as it was

    def test_a_text_is_adjusted_as_one_that_has_its_tokens_already(self) -> None:
        config = SamplingConfig(repetition_penalty=1.5, presence_penalty=0.3, logit_bias=((4, 1.0), (2, -1.0)))
        grown, whole = config.adjustments([1]), config.adjustments([3, 1])
        assert grown is not None
        assert whole is not None
        grown.push(3)
        whole.push(3)
        logits = LOGITS.expand(3, -1)
        adjustments = join_adjustments([grown, whole, None], CPU)
        assert adjustments is not None
        adjusted = logits.scatter(1, adjustments.ids, adjustments.apply(logits))
        assert torch.equal(adjusted[0], adjusted[1])
        assert torch.equal(adjusted[2], LOGITS)

    def test_settings_that_change_nothing_are_no_adjustments(self) -> None:
        assert SamplingConfig(0.3, top_k=4, top_p=0.9).adjustments([1, 2]) is None
        empty = SamplingConfig(presence_penalty=1.0).adjustments([1, 2])
        assert join_adjustments([None, empty], CPU) is None  # nothing was generated yet
