"""A text made ready for a translator and put together again: what is no language stays, whatever the model says."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text.front import Passage, Sentence, prepare, upper
from models.text.normalization import normalize
from models.text.reserved import find_hard, invented, numbers, with_numbers_of
from models.text.symbols import SYMBOLS

NONSENSE = "Ve sonra gitti."


def translated(text: str, *hypotheses: str, language: str = "en", target: str = "tr") -> str:
    """The text by a translator that says the hypotheses for everything; with none, what it reads."""
    passage = prepare(text, language)
    return "".join(
        part if isinstance(part, str) else part.render([list(hypotheses) or [read] for read in part.inputs()], target)
        for part in passage.parts
    )


def inputs(passage: Passage) -> list[str]:
    return [text for sentence in passage.sentences for text in sentence.inputs()]


KEPT = [
    "{name}", "{0}", "{{ user.email }}", "${HOME}", "%s", "%d", "%1$s", "%(count)d", "%2", ":username", "[[link]]",
    "https://example.com/a?b=c&d=e#f", "http://localhost:8000/docs", "www.example.net", "ftp://files.example.org/x.zip",
    "ada@example.com", "first.last+tag@mail.example.co.uk", "<b>", "</b>", "<br/>", '<a href="x">', "&nbsp;", "&#39;",
    "`make test`", "`a = b + c`", "CAROUSEL_PORT", "snake_case_name", "print()", "os.path.join()", "/usr/local/bin",
    "~/notes/today.txt", "C:\\Users\\ada", "--dry-run", "--seed=1", "@ada", "#hashtag", "→", "©", "№", "R&D",
    "AT&T", "&", "&&",
    "\U0001f600", "\U0001f44d\U0001f3fd", "\U0001f1f9\U0001f1f7", "\u2764\ufe0f", "\U0001f469\u200d\U0001f4bb",
]  # fmt: skip


@pytest.mark.parametrize("item", KEPT)
@pytest.mark.parametrize("around", ["{}", "Open {} now.", "{} is here", "See {}", "One {}, two {}."])
def test_what_is_no_language_stays_where_it_stood(item: str, around: str) -> None:
    text = around.replace("{}", item)
    for language, target in (("en", "tr"), ("tr", "en")):
        result = translated(text, NONSENSE, language=language, target=target)
        assert result.count(item) == text.count(item)
        assert result.startswith(item) == text.startswith(item)
        assert all(item not in read for read in inputs(prepare(text, language)))


@pytest.mark.parametrize("item", KEPT)
@pytest.mark.parametrize("around", ["Open {} now.", "{} is here", "See {}", "OPEN {} NOW", "“Two {} and {}.”"])
def test_a_symbol_stands_for_what_is_no_language(item: str, around: str) -> None:
    text = around.replace("{}", item)
    (sentence,) = prepare(text, "en", symbols=True).sentences
    read = sentence.text
    assert item not in read
    symbols = SYMBOLS[: text.count(item)]
    assert [character for character in read if character in SYMBOLS] == list(symbols)
    swapped = "Sonra " + " ile ".join(reversed(symbols)) + " gitti."
    for hypotheses in ([[swapped]], [["Hiç."], *[[NONSENSE]] * 9], [[symbols[0] * 2], *[[NONSENSE]] * 9]):
        result = sentence.render(hypotheses, "tr")
        assert result.count(item) == text.count(item)
        assert not set(result) & set(SYMBOLS)
        if hypotheses[0] == [swapped] and text.count(item) == 1 and not sentence.capitals:
            assert f"onra {item} gitti" in result


def test_more_items_than_symbols_are_translated_in_parts() -> None:
    text = "and ".join(f"{{a{number}}} " for number in range(len(SYMBOLS) + 1))
    (sentence,) = prepare(text, "en", symbols=True).sentences
    assert not sentence.text
    result = sentence.render([["ve"]] * sum(1 for _ in sentence.inputs()), "tr")
    assert [match.strip() for match in result.split("ve")] == [part.strip() for part in text.split("and")]


@pytest.mark.parametrize(
    "text", ["-", "...", "?!", "42", "3.14", "2024-05-15", "12:30", "***", "→", "🎉", "1.234,56 %", " \n\t", ""]
)
def test_without_letters_a_text_is_its_own_translation(text: str) -> None:
    assert not prepare(text, "en").sentences
    assert translated(text, NONSENSE) == text


@pytest.mark.parametrize(
    ("text", "read", "answer", "language", "target", "expected"),
    [
        ("WHERE IS IT?", "Where is it?", "O nerede?", "en", "tr", "O NEREDE?"),
        ("ILIK ÇİÇEK", "Ilık çiçek", "Warm flower", "tr", "en", "WARM FLOWER"),
        ("KAPALI İZİN", "Kapalı izin", "Closed permit", "tr", "en", "CLOSED PERMIT"),
        ("TITLE", "Title", "İsim", "en", "tr", "İSİM"),
        ("I see.", "I see.", "Anlıyorum.", "en", "tr", "Anlıyorum."),
        ("Good.", "Good.", "iyi.", "en", "tr", "İyi."),
    ],
)
def test_capitals_are_lowered_and_raised_as_the_languages_do(
    text: str, read: str, answer: str, language: str, target: str, expected: str
) -> None:
    assert inputs(prepare(text, language)) == [read]
    assert translated(text, answer, language=language, target=target) == expected


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("salad", "Salata.", "Salata"),
        ("Is it?", "Öyle mi.", "Öyle mi?"),
        ("Wait…", "Bekle.", "Bekle…"),
        ("Stop!!!", "Dur!", "Dur!!!"),
        ("Note:", "Not.", "Not:"),
        ("“Come in.”", "Gir.", "“Gir.”"),
        ("“Come in.”", '"Gir."', "“Gir.”"),
        ('He said "no."', 'O "hayır" dedi.', 'O "hayır" dedi."'),
    ],
)
def test_it_ends_as_its_source_does(text: str, answer: str, expected: str) -> None:
    assert translated(text, answer) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\n\n  Hello there.\n",
        "First line.\r\nSecond line.\rThird line.\u2028Fourth line. Fifth.",
        "- Milk\n- Bread\n\n1. Open the door.\n2. Close it.",
        "# Title\n\n> Quoted text.\n\n* one\n* two",
        "a) yes\nb) no\n(c) maybe",
    ],
)
def test_lines_marks_and_white_space_stay(text: str) -> None:
    assert translated(text) == text
    answered = translated(text, "Evet.")
    for character in "\n\r\u2028-#>*)1":
        assert answered.count(character) == text.count(character)


@pytest.mark.parametrize(
    ("source", "hypotheses", "expected"),
    [
        ("I have 3 cats.", ["3 kedim var."], "3 kedim var."),
        ("I have 3 cats.", ["Üç kedim var.", "3 kedim var."], "3 kedim var."),
        ("At 14:30 or 15:45.", ["15.30'da veya 15:45'te."], "14:30'da veya 15:45'te."),
        ("It is 1,299.99.", ["1.299,99'dur."], "1.299,99'dur."),
        ("At 14:30.", ["14.30'da."], "14:30'da."),
        ("He is 7.", ["O 7 7 7."], "O 7."),
    ],
)
def test_numbers_are_those_of_the_source(source: str, hypotheses: list[str], expected: str) -> None:
    assert translated(source, *hypotheses) == expected


def test_numbers_that_cannot_be_put_right_are_no_answer() -> None:
    assert with_numbers_of("7 ve 7", "He is 7.") is None
    assert with_numbers_of("O 8", "He is 7.") == "O 7"
    assert numbers("1,299.99 and 1.299,99") == Counter({"129999": 2})


ITEMS = st.lists(st.sampled_from([*KEPT, "14:30", "2024-05-15", "42", "3,5 kg", "1.299,99 TL"]), min_size=1, max_size=5)
WORD = st.sampled_from(["the", "old", "station", "Where", "is", "open", "LATER", "it,", "and", "güzel", "şehir"])
WORDS = st.lists(WORD, min_size=1, max_size=8)


@given(items=ITEMS, words=WORDS, order=st.randoms(use_true_random=False))
def test_everything_reserved_is_kept_as_often(items: list[str], words: list[str], order: Random) -> None:
    pieces = [*items, *words]
    order.shuffle(pieces)
    text = " ".join(pieces)
    result = translated(text, NONSENSE, "7 gün 12.")
    hard = Counter(text[found.start : found.end] for found in find_hard(text))
    assert Counter(result[found.start : found.end] for found in find_hard(result)) == hard
    assert numbers(result) == numbers(text)


@given(text=st.text(st.characters(codec="utf-8") | st.sampled_from("aA.!? \n\r-1{}%<>@`“”\u200b"), max_size=60))
def test_a_translator_that_repeats_its_input_changes_only_what_is_not_seen(text: str) -> None:
    result = translated(text, language="en", target="en")
    assert normalize(result).split() == normalize(normalize(text)).split()


def test_turkish_capitals() -> None:
    assert upper("istanbul ılık", "tr") == "İSTANBUL ILIK"
    assert upper("istanbul", "en") == "ISTANBUL"


HYPOTHESES = st.lists(
    st.lists(WORD | st.sampled_from([*KEPT, *SYMBOLS[:3]]), max_size=5).map(" ".join), min_size=1, max_size=4
)


@given(words=WORDS, hypotheses=HYPOTHESES)
def test_nothing_reserved_is_invented(words: list[str], hypotheses: list[str]) -> None:
    """Of the answers to a text without anything reserved, the first without counts, if there is one."""
    (sentence,) = prepare(" ".join(words), "en", symbols=True).sentences
    assert not sentence.items
    shown = sentence.render([hypotheses], "tr")
    assert not invented(shown, "", Sentence.free)
    clean = [index for index, text in enumerate(hypotheses) if not invented(text, "", Sentence.free)]
    ((_, chosen),) = sentence.used([hypotheses])
    assert chosen == (clean[0] if clean else 0)
    if clean:
        assert shown == sentence.render([[hypotheses[clean[0]]]], "tr")
