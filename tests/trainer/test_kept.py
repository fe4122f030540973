"""What a translation keeps: sentences by a seed, and how it is counted."""

from collections.abc import Sequence

import pytest

from trainer.evaluation.kept import KeptSentence, Name, is_kept, measure_kept, name_sentences, reserved_sentences
from trainer.evaluation.names import FIRST_NAMES, LAST_NAMES


def repeat(texts: Sequence[str], _target: str) -> Sequence[str]:
    return texts


@pytest.mark.parametrize("language", ["en", "tr"])
def test_sentences_are_those_of_the_seed_and_have_their_items(language: str) -> None:
    for draw in (reserved_sentences, name_sentences):
        sentences = draw(language, 100, seed=1)
        assert sentences == draw(language, 100, seed=1) != draw(language, 100, seed=2)
        assert measure_kept(sentences, repeat, "en").share == 1
    counts = {len(sentence.items) for sentence in reserved_sentences(language, 100)}
    assert counts == {1, 2, 3, 4, 5}


def test_known_names_are_left_out() -> None:
    known = {*FIRST_NAMES[:-3], *LAST_NAMES[2:]}
    names = {text for sentence in name_sentences("tr", 50, known) for _, text in sentence.items}
    assert names == {*FIRST_NAMES[-3:], *LAST_NAMES[:2]}
    with pytest.raises(ValueError, match="known"):
        name_sentences("en", 1, FIRST_NAMES)


def test_what_is_lost_is_counted() -> None:
    sentences = [
        KeptSentence("{a} at 12:30", (("placeholder", "{a}"), ("time", "12:30"))),
        KeptSentence("12:31", (("time", "12:31"),)),
    ]
    result = measure_kept(sentences, lambda texts, _: [texts[0].replace("{a}", ""), texts[1]], "tr")
    assert (result.sentences, result.kept, result.share) == (2, 1, 0.5)
    assert result.kinds == {"placeholder": (0, 1), "time": (2, 2)}
    assert result.lost == (("{a} at 12:30", " at 12:30"),)


@pytest.mark.parametrize(
    ("translation", "kept"),
    [("Tuğba geldi", True), ("Tuğba'nın", True), ("Tuğbanın", False), ("Tuğba Tuğba", False), ("tuğba", False)],
)
def test_a_name_is_a_whole_word(translation: str, kept: bool) -> None:
    assert is_kept("Tuğba", translation) is kept


def test_turkish_cases() -> None:
    forms = [f"{Name(name):{case}}" for name in ("Toivo", "Çisem", "Umut") for case in ("acc", "dat", "abl", "gen")]
    assert forms[:4] == ["Toivo'yu", "Toivo'ya", "Toivo'dan", "Toivo'nun"]
    assert forms[4:8] == ["Çisem'i", "Çisem'e", "Çisem'den", "Çisem'in"]
    assert forms[8:] == ["Umut'u", "Umut'a", "Umut'tan", "Umut'un"]
