"""Symbols in the place of what a translation must keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text.symbols import SYMBOLS, find_items, restore, substitute

PARTS = st.sampled_from(
    ["Open ", "{name}", " %d", "%20'si", " 14:30'da",
     " 1,299.99", "2024", "5 kg", " ",
     "https://a.example/b", SYMBOLS[0],
     SYMBOLS[3], "v1.2", "😀", "<b>", "'", ".", "3 ${x}", "12,5", "`x`"]
)  # fmt: skip
LANGUAGES = st.sampled_from(["en", "tr"])


@given(st.one_of(st.text(), st.lists(PARTS, max_size=12).map("".join)), LANGUAGES)
def test_what_is_replaced_is_put_back(text: str, language: str) -> None:
    replaced, items = substitute(text, language)
    assert len(items) <= len(SYMBOLS)
    if len(find_items(text, language)) <= len(SYMBOLS):
        assert restore(replaced, items) == text


@pytest.mark.parametrize(
    ("text", "language", "items"),
    [
        ("Meet at 14:30 on 15.03.2024.", "en", ("14:30", "15.03.2024")),
        ("In 1969 we had 3 cats.", "en", ()),
        ("It costs $1,299.99 or 20%.", "en", ("$1,299.99", "20%")),
        ("Nüfusun %12,5'i 2,5 km yürür.", "tr", ("%12,5", "2,5 km")),
        ("25000 of 1.2.3 and v2.0", "en", ("25000", "1.2.3", "v2.0")),
        ("3 ${x}, 30000 ${x}", "en", ("${x}", "30000", "${x}")),
        ("Call +90 555 123 45 67.", "en", ("+90 555 123 45 67",)),
        ("%1 dosyadan %2 tanesi", "tr", ("%1", "%2")),
        (f"a {SYMBOLS[5]} b", "en", (SYMBOLS[5],)),
        ("https://a.example/b%20c", "tr", ("https://a.example/b%20c",)),
    ],
)
def test_items_are_found_in_order(text: str, language: str, items: tuple[str, ...]) -> None:
    replaced, found = substitute(text, language)
    assert found == items
    assert [symbol for symbol in SYMBOLS if symbol in replaced] == list(SYMBOLS[: len(items)])


def test_items_beyond_the_symbols_stay_in_the_text() -> None:
    text = " ".join(f"{number:05}" for number in range(20))
    replaced, items = substitute(text, "en")
    assert len(items) == len(SYMBOLS)
    assert replaced.endswith("00016 00017 00018 00019")


@pytest.mark.parametrize("text", ["", SYMBOLS[0], SYMBOLS[0] + SYMBOLS[1] * 2, "".join(SYMBOLS[:3]), SYMBOLS[2] * 2])
def test_a_text_that_loses_or_doubles_a_symbol_is_none(text: str) -> None:
    assert restore(text, ("a", "b")) is None
