"""Summaries: the search for them, and where their words were copied from."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.decoding.beam_search import SearchConfig, repeating, translate
from models.decoding.summaries import capitalized, copied_words, shown_summary, summary_search
from models.errors import ConfigError
from models.networks.summarizer import Summarizer, SummarizerConfig
from models.runtime.build import make_translator_runtime
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import SENTENCES

ODD = ["Ünïcode  ﬁne", "x — y", "İ", "🙂"]
TEXTS = st.lists(st.sampled_from([*SENTENCES, *ODD]), min_size=1, max_size=4).map(" ".join)


def source_of(model: Summarizer, tokenizer: SubwordTokenizer, text: str) -> list[int]:
    return model.source_of(tokenizer.encode(text), tokenizer.end_id)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_no_group_of_tokens_is_in_a_summary_twice(
    summarizer: Summarizer, tokenizer: SubwordTokenizer, precision: str, beam_size: int
) -> None:
    runtime = make_translator_runtime(summarizer, precision)
    search = summary_search(beam_size)
    for beam in translate(runtime, [source_of(summarizer, tokenizer, text) for text in SENTENCES], 0, search):
        for hypothesis in beam:
            groups = [hypothesis.ids[index : index + 3] for index in range(len(hypothesis.ids) - 2)]
            assert len(set(groups)) == len(groups)
            assert len(hypothesis.ids) + hypothesis.finished >= search.min_length


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 4), st.integers(0, 3))
def test_tokens_that_repeat_are_those_that_would_make_a_group_occur_twice(
    ids: list[int], size: int, token: int
) -> None:
    groups = [(*ids, token)[index : index + size] for index in range(len(ids) + 2 - size)]
    occurs = bool(groups) and groups.count(groups[-1]) > 1
    assert (token in repeating(ids, size)) == occurs


def test_other_searches_are_as_before(summarizer: Summarizer, tokenizer: SubwordTokenizer) -> None:
    """Without a limit, a shorter and a repeating output are possible."""
    runtime = make_translator_runtime(summarizer, "float32")
    source = source_of(summarizer, tokenizer, SENTENCES[0])
    (free,) = translate(runtime, [source], 0, SearchConfig(2, max_length=30))
    (bound,) = translate(runtime, [source], 0, SearchConfig(2, max_length=30, min_length=1, no_repeat=0))
    assert [one.ids for one in free] == [one.ids for one in bound]


@settings(max_examples=40)
@given(text=TEXTS, data=st.data())
def test_a_word_is_copied_from_where_the_text_has_it(
    summarizer: Summarizer, tokenizer: SubwordTokenizer, text: str, data: st.DataObject
) -> None:
    source = source_of(summarizer, tokenizer, text)
    tokens = tokenizer.tokens(text)[: summarizer.config.source_tokens]
    others = data.draw(st.lists(st.integers(1, tokenizer.size - 1), max_size=12))
    ids = data.draw(st.permutations([*others, *(token.id for token in tokens[:6])]))
    summary = tokenizer.decode(ids)
    words = copied_words(summarizer, source, tokens, ids, tokenizer)
    ends = [0, *(word.end for word in words)]
    for word, before in zip(words, ends, strict=False):
        assert before <= word.start < word.end <= len(summary)
        assert not summary[before : word.start].strip()
        assert 0 <= word.copied <= 1
        if word.source:
            start, end = word.source
            assert 0 <= start <= end <= len(text)
            assert word.copied > 0
            shown = summary[word.start : word.end]
            if "\ufffd" not in shown:  # a part of a character has the span of the whole
                assert tokenizer.normalize(text[start:end]) == shown or shown in tokenizer.normalize(text[start:end])
    assert not summary[ends[-1] :].strip()


@given(text=st.text())
def test_a_capital_changes_the_first_letter_alone(text: str) -> None:
    changed = capitalized(text)
    assert len(changed) == len(text)
    assert changed[1:] == text[1:]
    assert changed[:1] in (text[:1], text[:1].upper())


@pytest.mark.parametrize(
    ("text", "shown"), [("learning to", "Learning to"), ("mBERT reads", "mBERT reads"), ("", ""), ("ßa", "ßa")]
)
def test_a_name_keeps_its_capitals(text: str, shown: str) -> None:
    assert capitalized(text) == shown


def test_only_titles_begin_with_a_capital(summarizer: Summarizer, tokenizer: SubwordTokenizer) -> None:
    (best, *_), *_ = translate(
        make_translator_runtime(summarizer, "float32"), [source_of(summarizer, tokenizer, SENTENCES[0])], 0,
        summary_search(2),
    )  # fmt: skip
    config = SummarizerConfig(tokenizer.size, ("en",), (("en", "en"),), embedding=12, hidden=16)
    assert shown_summary(Summarizer(config), tokenizer, best) == tokenizer.decode(best.ids)
    assert shown_summary(summarizer, tokenizer, best) == capitalized(tokenizer.decode(best.ids))


def test_the_beginning_of_a_long_text_is_read(summarizer: Summarizer, tokenizer: SubwordTokenizer) -> None:
    long = " ".join(SENTENCES)
    source = source_of(summarizer, tokenizer, long)
    assert source == [summarizer.language_id("en"), *tokenizer.encode(long)[:40], tokenizer.end_id]
    assert source_of(summarizer, tokenizer, "the man") == [source[0], *tokenizer.encode("the man"), tokenizer.end_id]


def test_a_wrong_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="source_tokens is 5; it must be"):
        SummarizerConfig(10, ("en",), (("en", "en"),), source_tokens=5)


def test_the_share_that_is_copied_is_all_where_the_gate_is_open(
    summarizer: Summarizer, tokenizer: SubwordTokenizer
) -> None:
    text = "the man"
    source, tokens = source_of(summarizer, tokenizer, text), tokenizer.tokens(text)
    ids = tokenizer.encode(text)
    assert summarizer.copy_gate is not None
    before = summarizer.copy_gate.bias.detach().clone()
    for bias, low, high in ((-50.0, 0.0, 0.01), (50.0, 0.99, 1.0)):
        with torch.no_grad():
            summarizer.copy_gate.bias.fill_(bias)
        words = copied_words(summarizer, source, tokens, ids, tokenizer)
        assert all(low <= word.copied <= high for word in words)
        assert [text[slice(*word.source)] for word in words if word.source] == (["the", "man"] if bias > 0 else [
            text[slice(*word.source)] for word in words if word.source])  # fmt: skip
    with torch.no_grad():
        summarizer.copy_gate.bias.copy_(before)
