"""Turkish suffixes fitted to names and numbers."""

import pytest

from trainer.data.suffixes import fit_suffix, spoken_number, suffix_named


@pytest.mark.parametrize(
    ("before", "word", "after"),
    [
        ("un", "Ahmet", "in"), ("un", "Ayşe", "nin"), ("nin", "Tom", "un"), ("ye", "Tom", "a"), ("a", "Mary", "ye"),
        ("dan", "Ahmet", "ten"), ("ta", "Sevgi", "de"), ("la", "Gül", "le"), ("la", "Mary", "yle"),
        ("yle", "Mark", "la"), ("u", "Özgür", "ü"), ("u", "Ali", "yi"), ("du", "Burak", "tı"), ("du", "Ece", "ydi"),
        ("unki", "Fatma", "nınki"), ("lar", "Yılmaz", "lar"), ("ki", "Tom", None), ("daki", "Eskişehir", "deki"),
        ("un", "Roy", "un"), ("dan", "Eric", "ten"), ("nin", "Iğdır", "ın"), ("si", "Tom", "u"), ("yi", "Tom", "u"),
    ],
)  # fmt: skip
def test_a_suffix_follows_the_name(before: str, word: str, after: str | None) -> None:
    pattern = suffix_named(before)
    assert (pattern and fit_suffix(pattern, word)) == after


@pytest.mark.parametrize(
    "name", ["Mike'ın", "Jane'in", "Steve'in", "George'un", "Kate'in", "Luke'un", "Mary'nin", "Bob'un", "Sami'nin"]
)
def test_english_names_are_read_as_they_are_heard(name: str) -> None:
    word, suffix = name.split("'")
    assert fit_suffix("(n)In", word, english=True) == suffix


@pytest.mark.parametrize(
    ("digits", "expected"),
    [("3", "3'te"), ("6", "6'da"), ("10", "10'da"), ("30", "30'da"), ("40", "40'ta"), ("70", "70'te"),
     ("100", "100'de"), ("1969", "1969'da"), ("2000", "2000'de"), ("1000000", "1000000'da"),
     ("0", "0'da"), ("05", "05'te")],
)  # fmt: skip
def test_a_suffix_follows_the_number_as_it_is_read(digits: str, expected: str) -> None:
    assert f"{digits}'{fit_suffix('DA', spoken_number(digits))}" == expected
