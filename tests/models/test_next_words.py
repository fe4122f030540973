"""Words from pieces, checked against a sum over everything that can be spelled."""

from collections import defaultdict
from itertools import product

import pytest
import torch

from models.decoding.next_words import (
    NextWords,
    Query,
    Scores,
    SpellingSearch,
    WordSearch,
    run,
    score_queries,
)
from models.decoding.word_pieces import Vocabulary, is_letter, is_single_word, split_partial
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.runtime.float import FloatLanguage
from models.text.tokenizers import SubwordTokenizer, Tokenizer, WordTokenizer


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


class Predictor:
    """Asks a model about the words after a text."""

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer) -> None:
        self.runtime, self.vocabulary, self.tokenizer = FloatLanguage(model), Vocabulary(tokenizer), tokenizer
        self.continuations = self.vocabulary.continuations.ids.tolist()
        self.starts = [*self.vocabulary.word_starts.ids.tolist(), *self.vocabulary.whole_words.ids.tolist()]

    def after(self, text: str) -> Scores:
        ids = torch.tensor([[self.tokenizer.end_id, *self.tokenizer.encode(text.removesuffix(" "))]])
        state = self.runtime.start(1)
        if ids.shape[1] > 1:
            state = self.runtime.prefill([ids[0, :-1]], state)
        return score_queries(self.runtime, self.vocabulary, [Query(state, 0, int(ids[0, -1]))])

    def predict(self, after: Scores, top: int, prefix: str = "") -> NextWords:
        search = WordSearch(self.vocabulary, after.probabilities[0], after.state, 0, top, prefix)
        run(self.runtime, self.vocabulary, search)
        return search.result()

    def probability(self, after: Scores, word: str) -> float:
        search = SpellingSearch(self.vocabulary, after.probabilities[0], after.state, 0, [word])
        run(self.runtime, self.vocabulary, search)
        return search.probabilities[0]


@pytest.fixture
def predictor(language_model: LanguageModel, tokenizer: SubwordTokenizer) -> Predictor:
    with torch.no_grad():
        language_model.embedding.weight *= 5  # an untrained model hardly prefers anything
    return Predictor(language_model, tokenizer)


@pytest.fixture
def after(predictor: Predictor) -> Scores:
    return predictor.after("the man")


class TestWords:
    def test_probabilities_fall_and_sum_to_less_than_one(self, predictor: Predictor, after) -> None:
        words = predictor.predict(after, top=20).words
        probabilities = [probability for _, probability in words]
        assert len(words) == len({word for word, _ in words}) == 20
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 < sum(probabilities) <= 1

    def test_a_word_is_as_likely_as_its_spellings(self, predictor: Predictor, after) -> None:
        """What the search finds is at least the usual spelling alone, and not much more."""
        for word, probability in predictor.predict(after, top=10).words:
            usual = predictor.probability(after, word)
            assert probability >= usual * (1 - 1e-6) or probability == pytest.approx(usual, rel=1e-4)

    def test_the_list_is_what_spelling_everything_out_gives(self) -> None:
        """Against all sequences of up to four pieces of a tiny vocabulary, each read by the model in full."""
        torch.manual_seed(4)
        tokenizer = SubwordTokenizer.train(["ab ba, aab bab"] * 5, 264)
        model = LanguageModel(LanguageModelConfig(tokenizer.size, 8, 8)).eval()
        model.embedding.weight *= 4
        predictor = Predictor(model, tokenizer)
        letters = [index for index in predictor.continuations if tokenizer.surface(index) in (b"a", b"b")]
        model.bias[:] = -30.0  # leave only letters, spaces and the end
        model.bias[[*letters, *predictor.starts, tokenizer.end_id]] = 0.0
        model.bias[[index for index in predictor.starts if not tokenizer.surface(index).startswith(b" ")]] = -30.0
        after = predictor.after("ab")
        _, state = model(torch.tensor([[tokenizer.end_id, *tokenizer.encode("ab")]]))
        logits = after.probabilities[0].log()
        expected: dict[bytes, float] = defaultdict(float)
        for first, *rest in (
            (first, *rest)
            for first in predictor.starts
            if tokenizer.surface(first).startswith(b" ")
            for length in range(4)
            for rest in product(letters, repeat=length)
        ):
            probability, word, scores, memory = 1.0, b"", logits, state
            for token in (first, *rest):
                probability *= float(torch.softmax(scores.double(), dim=-1)[token])
                word += tokenizer.surface(token)
                stepped, memory = model(torch.tensor([[token]]), memory)
                scores = stepped[0, -1]
            following = torch.softmax(scores.double(), dim=-1)
            expected[word[1:]] += probability * (1 - float(following[predictor.continuations].sum()))
        for text, probability in predictor.predict(after, top=100).words[:4]:
            assert probability == pytest.approx(expected[text.encode()], rel=0.01)

    def test_punctuation_is_the_same_listed_and_asked_for(self, predictor: Predictor, after) -> None:
        listed = dict(predictor.predict(after, top=300).words)
        marks = [word for word in listed if not word[0].isalnum() and word[0] not in "'’-"]
        assert marks
        for mark in marks:
            assert predictor.probability(after, mark) == pytest.approx(listed[mark])

    def test_a_prefix_conditions(self, predictor: Predictor, after) -> None:
        free = dict(predictor.predict(after, top=60).words)
        predicted = predictor.predict(after, top=60, prefix="th")
        assert predicted.words
        assert all(word.startswith("th") for word, _ in predicted.words)
        assert sum(probability for _, probability in predicted.words) <= 1 + 1e-9
        for word, probability in predicted.words:
            if word in free:
                assert probability * predicted.total == pytest.approx(free[word], rel=0.02)

    @pytest.mark.parametrize("prefix", ["", "th"])
    def test_unknown_words_are_withheld_and_nothing_else_changes(self, predictor: Predictor, after, prefix) -> None:
        """With a set of words, the list is that of before without the others, each with its probability of before."""
        free = predictor.predict(after, top=60, prefix=prefix)
        known = [word for word, _ in free.words[::2]]
        predictor.vocabulary = Vocabulary(predictor.tokenizer, known)
        predicted = predictor.predict(after, top=20, prefix=prefix)
        expected = [entry for entry in free.words if entry[0] in known or not is_letter(entry[0][0])][:20]
        assert predicted.words
        assert [word for word, _ in predicted.words] == [word for word, _ in expected[: len(predicted.words)]]
        for (_, probability), (_, before) in zip(predicted.words, expected, strict=False):
            assert probability == pytest.approx(before, rel=0.02)
        assert len(predicted.words) == 20 or expected[len(predicted.words)][1] <= 1.02e-3  # RARE
        assert sum(probability for _, probability in predicted.words) <= 1 + 1e-9

    def test_where_no_word_is_known_none_is_listed(self, predictor: Predictor, after) -> None:
        predictor.vocabulary = Vocabulary(predictor.tokenizer, ())
        assert all(not is_letter(word[0]) for word, _ in predictor.predict(after, top=5).words)
        assert not predictor.predict(after, top=5, prefix="th").words
        assert predictor.probability(after, "the") > 0  # a word that is named has its probability

    def test_whole_words_are_their_tokens(self) -> None:
        torch.manual_seed(5)
        words = WordTokenizer.train(["a man sees a dog and a dog sees"], 20)
        predictor = Predictor(LanguageModel(LanguageModelConfig(words.size, 8, 8)).eval(), words)
        after = predictor.after("a man")
        expected = after.probabilities[0]
        predicted = dict(predictor.predict(after, top=20).words)
        for word in ("man", "dog", "sees"):
            assert predicted[word] == pytest.approx(float(expected[words.encode(word)[0]]), rel=1e-5)
        assert predictor.probability(after, "woman") == 0.0  # not in the vocabulary


class TestTemperature:
    def test_it_is_that_of_sampling(self, predictor: Predictor, after) -> None:
        state, token = predictor.runtime.start(2), 5
        queries = [Query(state, 0, token), Query(state, 1, token)]
        logits, _ = predictor.runtime.step(torch.tensor([token, token]), state)
        scores = score_queries(predictor.runtime, predictor.vocabulary, queries, [0.5, 2.0])
        torch.testing.assert_close(scores.probabilities, torch.softmax(logits * torch.tensor([[2.0], [0.5]]), dim=1))
        plain = score_queries(predictor.runtime, predictor.vocabulary, queries)
        neutral = score_queries(predictor.runtime, predictor.vocabulary, queries, [1.0, 1.0])
        assert torch.equal(neutral.probabilities, plain.probabilities)


def test_split_partial() -> None:
    assert split_partial("I want to go ho") == ("I want to go ", "ho")
    assert split_partial("I want ") == ("I want ", "")
    assert split_partial("gid") == ("", "gid")


def test_single_words() -> None:
    assert [is_single_word(word) for word in ("ev'de", "çok", "?!", "two words", "car,", "")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def test_many_searches_share_their_steps(predictor: Predictor) -> None:
    """Side by side as alone: each takes its own rows of the scores."""
    texts = ("the man", "a good", "dog sees the")
    alone = [predictor.predict(predictor.after(text), 5).words for text in texts]
    searches = []
    for text in texts:
        after = predictor.after(text)
        searches.append(WordSearch(predictor.vocabulary, after.probabilities[0], after.state, 0, 5, ""))
    while queries := [query for search in searches for query in search.queries()]:
        scores, begin = score_queries(predictor.runtime, predictor.vocabulary, queries), 0
        for search in searches:
            search.update(scores.rows(begin, begin + search.query_count))
            begin += search.query_count
    for search, expected in zip(searches, alone, strict=True):
        assert [word for word, _ in search.result().words] == [word for word, _ in expected]
        assert [value for _, value in search.result().words] == pytest.approx(
            [value for _, value in expected], rel=1e-4
        )
