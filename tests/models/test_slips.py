"""Slips of a typist: the automaton against a plain recursion over alignments, and the search against known words."""

import random
from functools import cache
from math import exp, inf

import numpy as np
import pytest
import torch

from models.counted.ngram import Ngram
from models.decoding import slips as channel
from models.decoding.next_words import NextWords, Query, WordSearch, run, score_queries
from models.decoding.slip_search import SlipSearch
from models.decoding.slips import LAYOUTS, LIMIT, Slips, instead, neighbours
from models.decoding.word_pieces import Vocabulary, plain
from models.runtime.counted import NgramLanguage
from models.text.tokenizers import SubwordTokenizer, Tokenizer, WordTokenizer


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def least_cost(typed: str, word: str, layout: str, language: str, whole: bool) -> float:
    """Of a whole word, or of all its beginnings, the least cost of typing these letters for it, by recursion from their
    ends."""

    @cache
    def cost(count: int, length: int) -> float:
        if not count and not length:
            return 0.0
        ways = []
        if count:
            twice = count > 1 and typed[count - 2] == typed[count - 1]
            ways.append(cost(count - 1, length) + (channel.DOUBLE if twice else channel.EXTRA))
        if length:
            letter = word[length - 1]
            missing = channel.DOUBLE if count and typed[count - 1] == letter else channel.MISSING
            ways.append(cost(count, length - 1) + (channel.APOSTROPHE if letter in "'’-" else missing))
        if count and length:
            ways.append(cost(count - 1, length - 1) + instead(typed[count - 1], word[length - 1], layout, language))
        last, meant = typed[max(0, count - 2) : count], word[max(0, length - 2) : length]
        if len(set(last)) == 2 and last == meant[::-1]:
            ways.append(cost(count - 2, length - 2) + channel.SWAPPED)
        return min(ways)

    least = min(cost(len(typed), length) for length in range(len(word) if whole else 1, len(word) + 1))
    return least if least <= LIMIT else inf


class TestChannel:
    @pytest.mark.parametrize("whole", [False, True])
    @pytest.mark.parametrize(
        ("layout", "language", "letters"), [("qwerty", "en", "asdl'A"), ("turkish-q", "tr", "sşıiİI")]
    )
    def test_costs_are_those_of_the_best_alignment(self, layout: str, language: str, letters: str, whole: bool) -> None:
        rng = random.Random(1)
        explained = 0
        for _ in range(3000):
            typed, word = ("".join(rng.choices(letters, k=rng.randint(1, 5))) for _ in range(2))
            expected = least_cost(typed, word, layout, language, whole)
            slips = Slips(typed, layout, language, whole)
            assert slips.align(word.encode(), ended=True).done == pytest.approx(expected)
            explained += 0 < expected < inf
            if whole:
                meant, logprob = slips.meant(word)
                assert meant == (word if expected < inf else "")
                assert logprob == pytest.approx(-expected)
                assert not slips.align(word.encode()).final or expected == inf
        assert explained > 300

    @pytest.mark.parametrize(
        ("typed", "word", "cost"),
        [
            ("cok", "çok", channel.MARK),
            ("cok", "çokta", inf),
            ("guze", "güzel", channel.MARK + channel.MISSING),
            ("guzell", "güzel", channel.MARK + channel.DOUBLE),
            ("sisli", "şişli", 2 * channel.MARK),
        ],
    )
    def test_a_whole_word_ends_where_the_letters_do(self, typed: str, word: str, cost: float) -> None:
        meant, logprob = Slips(typed, "turkish-q", "tr", whole=True).meant(word)
        assert meant == ("" if cost == inf else word)
        assert logprob == pytest.approx(-cost)

    @pytest.mark.parametrize(
        ("typed", "word", "meant"),
        [
            ("guzel", "güzel", "güzel"),
            ("cok", "çoktan", "çok"),
            ("sisli", "şişli", "şişli"),
            ("isik", "ışık", "ışık"),
            ("istanbul", "İstanbul", "İstanbul"),
            ("ISIK", "IŞIK", "IŞIK"),
            ("gozluk", "gözlükçü", "gözlük"),
        ],
    )
    def test_letters_without_their_marks_cost_little(self, typed: str, word: str, meant: str) -> None:
        beginning, logprob = Slips(typed, "turkish-q", "tr").meant(word)
        assert beginning == meant
        assert -channel.MARK * len(typed) - channel.CAPITAL <= logprob < 0

    def test_capitals_are_those_of_the_language(self) -> None:
        assert instead("ı", "I", "turkish-q", "tr") == instead("i", "İ", "turkish-q", "tr") == channel.CAPITAL
        assert instead("i", "I", "qwerty", "en") == channel.CAPITAL
        assert instead("i", "I", "turkish-q", "tr") == channel.MARK + channel.CAPITAL
        assert instead("ı", "i", "turkish-q", "tr") > channel.CAPITAL  # the other key was hit

    def test_a_capital_is_rarely_typed_for_a_small_letter(self) -> None:
        assert instead("B", "b", "turkish-q", "tr") == channel.SHIFT > channel.CAPITAL
        assert instead("S", "ş", "turkish-q", "tr") == channel.MARK + channel.SHIFT
        assert instead("s", "Ş", "turkish-q", "tr") == channel.MARK + channel.CAPITAL
        assert instead("S", "Ş", "turkish-q", "tr") == channel.MARK

    @pytest.mark.parametrize(
        ("typed", "word", "cost"),
        [
            ("teh", "the", "SWAPPED"),
            ("helo", "hello", "DOUBLE"),
            ("helllo", "hello", "DOUBLE"),
            ("yhe", "the", "NEIGHBOUR"),
            ("thw", "the", "NEIGHBOUR"),
            ("pzhe", "pthe", "OTHER"),
            ("wterfall", "waterfall", "MISSING"),
            ("watrerfall", "waterfall", "EXTRA"),
            ("dont", "don't", "APOSTROPHE"),
        ],
    )
    def test_each_slip_has_its_cost(self, typed: str, word: str, cost: str) -> None:
        assert Slips(typed, "qwerty", "en").align(word.encode()).done == getattr(channel, cost)

    def test_what_was_typed_as_it_is_has_no_cost(self) -> None:
        assert Slips("wat", "qwerty", "en").meant("water") == ("wat", 0.0)

    def test_two_slips_are_none(self) -> None:
        assert Slips("wstrrfall", "qwerty", "en").align(b"waterfall").done == inf

    def test_a_broken_character_does_not_count(self) -> None:
        slips = Slips("s", "turkish-q", "tr")
        first, _ = "ş".encode()
        assert slips.align(bytes([first])).done == inf
        assert slips.align("ş".encode()).done == channel.MARK

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_neighbours_are_mutual(self, layout: str) -> None:
        keys = neighbours(layout)
        assert all(key in keys[other] for key, others in keys.items() for other in others)
        assert all(2 <= len(others) <= 6 for others in keys.values())
        assert len(keys) == sum(map(len, LAYOUTS[layout]))


TEXTS = [
    "the man sees the dog", "the man saw the dogs", "a good film", "the dog sees the man", "don't see the film",
    "the man don't", "the man the dog", "the man sees", "the man saw", "the man is good", "the man good film",
    "the man dog", "the man dogs", "the man film", "the man güzel", "the man çok güzel", "the man kötü",
    "çok kötü film",
]  # fmt: skip


class Typist:
    """Lists words after "the man", with or without tolerance, by counted trigrams of pieces."""

    def __init__(self, tokenizer: Tokenizer, known: list[str] | None = None) -> None:
        stream = [token for text in TEXTS for token in (tokenizer.end_id, *tokenizer.encode(text))]
        counted = Ngram.count(np.array([*stream, tokenizer.end_id]), 3, tokenizer.size, tokenizer.end_id)
        self.runtime, self.vocabulary = NgramLanguage(counted), Vocabulary(tokenizer, known)
        *before, last = [tokenizer.end_id, *tokenizer.encode("the man")]
        state = self.runtime.prefill([torch.tensor(before)], self.runtime.start(1))
        self.after = score_queries(self.runtime, self.vocabulary, [Query(state, 0, last)])

    def plain(self, typed: str, top: int = 5) -> NextWords:
        search = WordSearch(self.vocabulary, self.after.probabilities[0], self.after.state, 0, top, typed)
        run(self.runtime, self.vocabulary, search)
        return search.result()

    def tolerant(self, typed: str, top: int = 5, whole: bool = False) -> dict[str, float]:
        slips = Slips(typed, "qwerty", "en", whole)
        search = SlipSearch(self.vocabulary, self.after.probabilities[0], self.after.state, 0, top, slips)
        run(self.runtime, self.vocabulary, search)
        return dict(search.result().words)


KNOWN = sorted({word for text in TEXTS for word in text.split()})


@pytest.fixture
def typist(tokenizer: SubwordTokenizer) -> Typist:
    return Typist(tokenizer, KNOWN)


class TestSearch:
    @pytest.mark.parametrize(
        ("typed", "word"),
        [("teh", "the"), ("dpg", "dog"), ("mna", "man"), ("sees", "sees"), ("seees", "sees"), ("fim", "film"),
         ("guzel", "güzel"), ("cok", "çok"), ("kotu", "kötü"), ("dont", "don't")],
    )  # fmt: skip
    @pytest.mark.parametrize("whole", [False, True])
    def test_what_was_meant_is_listed_first(self, typist: Typist, typed: str, word: str, whole: bool) -> None:
        assert next(iter(typist.tolerant(typed, whole=whole))) == word

    @pytest.mark.parametrize(
        ("typed", "whole"),
        [(typed, False) for typed in ("d", "do", "dog", "s", "g", "th", "fi", "gu", "fkl")]
        + [(typed, True) for typed in ("do", "dog", "dogs", "seen", "saes", "god", "fim", "guzel", "the", "mann")],
    )
    def test_probabilities_are_those_of_the_noisy_channel(self, typist: Typist, typed: str, whole: bool) -> None:
        """Relative to each other, they are the model's own of these words times the channel's of the letters."""
        listed, slips = typist.tolerant(typed, whole=whole), Slips(typed, "qwerty", "en", whole)
        model: dict[str, float] = {}
        for letter in {word[0] for word in listed}:
            result = typist.plain(letter, top=10)
            model |= {word: value * result.total for word, value in result.words}
        joint = {word: model[word] * exp(slips.meant(word)[1]) for word in listed}
        assert list(listed) == sorted(listed, key=lambda word: -joint[word])
        for word, probability in listed.items():
            assert probability / max(listed.values()) == pytest.approx(joint[word] / max(joint.values()), rel=0.05)
        assert 0 < sum(listed.values()) <= 1 + 1e-9

    @pytest.mark.parametrize("typed", ["d", "do", "the", "se", "m", "g"])
    def test_words_that_begin_as_typed_stay_in_their_order(self, typist: Typist, typed: str) -> None:
        """Corrections can come between them, by no less than the channel's weight, and that is all."""
        exact = [word for word, value in typist.plain(typed, top=5).words if value > 0.01]
        assert exact
        assert [word for word in typist.tolerant(typed, top=10) if word.startswith(typed)][: len(exact)] == exact

    @pytest.mark.parametrize("typed", KNOWN)
    def test_each_word_that_is_whole_is_found_however_unlikely(self, typist: Typist, typed: str) -> None:
        """With its marks and without, and no longer word is listed than the channel has letters missing."""
        for letters in (typed, "".join(map(plain, typed))):
            listed = typist.tolerant(letters, top=10, whole=True)
            assert typed in listed
            assert all(len(word) <= len(letters) + 2 for word in listed)
            assert 0 < sum(listed.values()) <= 1 + 1e-9

    @pytest.mark.parametrize("whole", [False, True])
    def test_unknown_words_are_withheld(self, typist: Typist, whole: bool) -> None:
        for typed in ("d", "teh", "sa", "x"):
            assert set(typist.tolerant(typed, top=10, whole=whole)) <= set(KNOWN)

    def test_marks_of_punctuation_are_no_corrections(self, typist: Typist) -> None:
        assert all(word[0].isalpha() for typed in "abcxyz" for word in typist.tolerant(typed, top=20))

    def test_words_that_are_tokens(self) -> None:
        typist = Typist(WordTokenizer.train(TEXTS, 40))
        assert set(list(typist.tolerant("dig"))[:2]) == {"dog", "dogs"}
        assert list(typist.tolerant("digs")) == ["dogs"]
        assert next(iter(typist.tolerant("dig", whole=True))) == "dog"
