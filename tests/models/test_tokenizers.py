import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.errors import TokenizerError
from models.text.normalization import is_normal
from models.text.tokenizers import SubwordTokenizer, Tokenizer, WordPunctTokenizer, WordTokenizer, load_tokenizer, lower

HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(
    st.sampled_from("aé ▁\n\r\t\0\u200d\ufeff\ufffd<0x41>İIıi🧿👩\u0301\u2028"), max_size=30
)


@pytest.fixture(scope="module")
def subword(tokenizer: SubwordTokenizer) -> SubwordTokenizer:
    return tokenizer


@pytest.fixture(scope="module")
def words() -> WordPunctTokenizer:
    return WordPunctTokenizer.train(["Don't stop (now), Tom! Ankara'da: 5"], 20)


class TestSubwords:
    @given(text=HOSTILE)
    @example(text="")
    @example(text=" leading and trailing ")
    @example(text="a▁b\0c</s><unk><0x41>")
    def test_round_trip_is_exact(self, subword: SubwordTokenizer, text: str) -> None:
        assert subword.decode(subword.encode(text)) == subword.normalize(text)
        assert subword.decode(subword.encode(text)) == text or not is_normal(text, quotes=True)

    @given(text=HOSTILE)
    def test_tokens_cover_the_text_in_order(self, subword: SubwordTokenizer, text: str) -> None:
        tokens = subword.tokens(text)
        assert [token.id for token in tokens] == subword.encode(text)
        position = 0
        for token in tokens:
            between = text[position : token.start]  # bytes of one character share its span
            assert not subword.normalize(between), "nothing that is seen is left out"
            assert token.start <= token.end >= position
            assert token.text == text[token.start : token.end]
            position = token.end
        assert not subword.normalize(text[position:])

    @given(left=HOSTILE, right=HOSTILE)
    def test_a_continuation_follows_what_was_before(self, subword: SubwordTokenizer, left: str, right: str) -> None:
        if subword.normalize(left) and subword.normalize(right):
            both = subword.encode(left) + subword.encode(right)
            assert subword.decode(both) == subword.normalize(left) + " " + subword.normalize(right)

    def test_the_end_is_never_in_a_text(self, subword: SubwordTokenizer) -> None:
        assert subword.end_id not in subword.encode("the end </s> is near")

    def test_it_travels_between_processes(self, subword: SubwordTokenizer) -> None:
        subword.encode("the man")
        again = pickle.loads(pickle.dumps(subword))  # noqa: S301
        assert again.encode("the man") == subword.encode("the man")

    def test_a_text_is_cut_before_any_of_its_spaces(self, subword: SubwordTokenizer) -> None:
        """However much stands before a word, its pieces are the same."""
        text = "the man  sees\na dog, köpeği görüyor \u2581 x\0y " * 400
        for begin in (0, 3, 8, 500, 9000):
            cut = text.index(" ", begin)
            assert subword.encode(text[:cut]) + subword.encode_continuation(text[cut:]) == subword.encode(text)

    def test_lone_surrogate_is_refused(self, subword: SubwordTokenizer) -> None:
        with pytest.raises(TokenizerError, match="character 1 is a lone surrogate"):
            subword.encode("a\ud800")

    def test_saved_and_loaded_is_the_same(self, subword: SubwordTokenizer) -> None:
        loaded = load_tokenizer(subword.kind, subword.to_bytes(), subword.lowercase)
        assert loaded.size == subword.size
        assert loaded.encode("the man and çok güzel ☃") == subword.encode("the man and çok güzel ☃")

    def test_learning_twice_gives_the_same_pieces(self) -> None:
        texts = ["a small text for a small vocabulary"] * 20
        assert SubwordTokenizer.train(texts, 300).to_bytes() == SubwordTokenizer.train(texts, 300).to_bytes()

    @pytest.mark.parametrize("model", [b"", b"no model"])
    def test_damage_is_a_clear_error(self, model: bytes) -> None:
        with pytest.raises(TokenizerError, match="SentencePiece model"):
            SubwordTokenizer(model)

    def test_no_text_is_a_clear_error(self) -> None:
        with pytest.raises(TokenizerError, match="can be learned"):
            SubwordTokenizer.train([], 300)


class TestWords:
    def test_unknown_words_are_unk(self) -> None:
        words = WordTokenizer.train(["the man sees the man"], 4)
        assert words.decode(words.encode("the woman sees")) == "the <unk> <unk>"
        assert words.size == 4

    def test_white_space_is_what_is_lost(self) -> None:
        words = WordTokenizer.train(["a b c"], 10)
        assert words.decode(words.encode("  a\tb\n c ")) == "a b c"

    def test_tokens_have_spans(self) -> None:
        words: Tokenizer = WordTokenizer.train(["a bc"], 10)
        assert [(token.start, token.end) for token in words.tokens(" bc  a")] == [(1, 3), (5, 6)]

    @pytest.mark.parametrize("content", [b"{}", b"[1]", b'["a"]', b'["</s>", "<unk>", "a", "a"]', b"\xff"])
    def test_damage_is_a_clear_error(self, content: bytes) -> None:
        with pytest.raises(TokenizerError):
            load_tokenizer("word", content, "")


class TestWordsAndMarks:
    def test_marks_are_words(self, words: WordPunctTokenizer) -> None:
        texts = [token.text for token in words.tokens("Tom, don't: Don't stop!")]
        assert texts == ["Tom", ",", "don't", ":", "Don't", "stop", "!"]
        assert words.unknown(words.encode("Tom, don't")) == 1

    def test_closing_marks_follow_without_a_space(self, words: WordPunctTokenizer) -> None:
        assert words.decode(words.encode("Tom,stop ( now ) !")) == "Tom, stop ( now)!"

    @given(text=HOSTILE | st.text("Tom stop,.!()'Ankara'da: 5", max_size=30))
    def test_decoded_is_encoded_again(self, words: WordPunctTokenizer, text: str) -> None:
        ids = words.encode(text)
        known = [index for index in ids if index != 1]
        assert words.encode(words.decode(known)) == known
        assert [token.id for token in words.tokens(text)] == ids
        assert b"".join(map(words.surface, ids)).decode() == words.decode_continuation(ids)

    def test_saved_and_loaded_is_the_same(self, words: WordPunctTokenizer) -> None:
        loaded = load_tokenizer(words.kind, words.to_bytes(), words.lowercase)
        assert type(loaded) is WordPunctTokenizer
        assert loaded.encode("Tom, stop!") == words.encode("Tom, stop!")


class TestLower:
    def test_turkish_has_its_own_i(self) -> None:
        assert lower("İSTANBUL ILIK", "tr") == "istanbul ılık"
        assert lower("ISTANBUL", "en") == "istanbul"
        assert lower("İI", "") == "İI"

    @given(text=HOSTILE, language=st.sampled_from(["en", "tr"]))
    def test_positions_stay(self, text: str, language: str) -> None:
        assert len(lower(text, language)) == len(text)
