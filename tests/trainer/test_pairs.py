"""Training pairs of a translator: what is changed is changed on both sides."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text.symbols import SYMBOLS
from models.text.tokenizers import SubwordTokenizer
from trainer.data.files import Row
from trainer.data.names import Names, learn_names
from trainer.data.pair_changes import put_in, rename, renumber, without_final_mark
from trainer.data.pair_items import share_symbols
from trainer.data.pairs import PairConfig, PairRows
from trainer.data.skipped import Skipped
from trainer.loop.distributed import World
from trainer.pipeline.plan import Request, plan

LANGUAGES = ("en", "tr")
A, B, C = SYMBOLS[:3]
NAMES = Names(frozenset({"Tom", "Mary"}), ("Ardel", "Vinny"), ("Çeğin", "Gülşo"))
EVERYTHING = PairConfig(symbols=True, renamed=0.5, renumbered=0.5, put_in=0.3, joined=0.3, unmarked=0.3)
PAIRS = [
    ("Tom saw Mary at 2:30.", "Tom, Mary'yi 2.30'da gördü."),
    ("Mary has 3 cats and 20% of {x}.", "Mary'nin 3 kedisi ve {x} için %20'si var."),
    ("Is Tom here?", "Tom burada mı?"),
    ("Open the HTML file, please", "Lütfen HTML dosyasını aç, olur mu"),
]


@dataclass(frozen=True)
class Rows:
    """A source of rows that a test lists."""

    listed: Sequence[Row]
    name: str = "rows"

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:
        return iter(self.listed)

    def describe(self) -> dict[str, str]:
        return {"name": self.name, "sha256": "0"}


def symbols_of(text: str) -> list[str]:
    return [character for character in text if "\ue000" <= character <= "\uf8ff"]


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("No items here.", "Burada yok."), ("No items here.", "Burada yok.")),
        (("It costs $1,299.99.", "1.299,99 $ tutar."), (f"It costs {A}.", f"{A} tutar.")),
        (("20% of 14:30", "14.30'un %20'si"), (f"{A} of {B}", f"{B}'un {A}'si")),
        (("Copy %1 to %2", "%2 içine %1 kopyala"), (f"Copy {A} to {B}", f"{B} içine {A} kopyala")),
        (("%d of %d 🎉", "%d / %d 🎉"), (f"{A} of {B} {C}", f"{A} / {B} {C}")),
        (("It is 12,500 years old.", "On iki bin yaşında."), ("It is 12,500 years old.", "On iki bin yaşında.")),
        (("In 1969, 3 cats", "1969'da 3 kedi"), ("In 1969, 3 cats", "1969'da 3 kedi")),
        (("Hello {name}", "Merhaba"), None),
        (("Hello", "Merhaba 🎉"), None),
        (("{x} " * 17, "{x} " * 17), None),
    ],
)
def test_both_sides_get_the_same_symbols(pair: tuple[str, str], expected: tuple[str, str] | None) -> None:
    assert share_symbols(pair, LANGUAGES) == expected


@given(
    st.lists(st.sampled_from(["{a}", "%s", " 14:30", "😀", " text", ". ", "5 kg ", "`x`", "b"]), max_size=9),
    st.integers(),
)
def test_random_symbols_do_not_repeat(parts: list[str], seed: int) -> None:
    pair = ("".join(parts), "".join(parts))
    shared = share_symbols(pair, LANGUAGES, Random(seed))
    assert shared is not None
    assert shared[0] == shared[1]
    assert len(set(symbols_of(shared[0]))) == len(symbols_of(shared[0]))


@given(st.sampled_from(PAIRS), st.integers())
def test_other_names_are_on_both_sides(pair: tuple[str, str], seed: int) -> None:
    changed = rename(pair, LANGUAGES, NAMES, Random(seed))
    if "Tom" not in pair[0] and "Mary" not in pair[0]:
        assert changed is None
        return
    assert changed is not None
    for name in (*NAMES.english, *NAMES.turkish):
        assert (name in changed[0]) == (name in changed[1])
    assert not re.search("Tom|Mary", changed[0] + changed[1])


def test_suffixes_and_particles_follow_the_other_name() -> None:
    names = Names(frozenset({"Tom"}), ("Çeğin",), ())
    changed = rename(("Did Tom see Tom's car?", "Tom'un arabasını Tom da mı gördü?"), LANGUAGES, names, Random(1))
    assert changed == ("Did Çeğin see Çeğin's car?", "Çeğin'in arabasını Çeğin de mı gördü?")
    assert rename(("Tom said it", "Tom Tomun dedi"), LANGUAGES, names, Random(1)) is None
    assert rename(("Tom said it", "Tom'cağız dedi"), LANGUAGES, names, Random(1)) is None


@given(st.integers())
def test_other_numbers_are_on_both_sides(seed: int) -> None:
    changed = renumber(
        ("In 1969 he had 87 goats and 1 dog.", "1969'da 87 keçisi ve 1 köpeği vardı."), LANGUAGES, Random(seed)
    )
    assert changed is not None
    left, right = (re.findall(r"\d[\d.,]*\d|\d", text) for text in changed)
    assert [number.replace(",", ".") for number in left] == right
    assert left[-1] == "1"
    assert 1400 <= int(left[0]) <= 2100


@pytest.mark.parametrize(
    "pair", [("One cat", "1 kedi"), ("Chapter 5th", "5. bölüm"), ("1 cat", "1 kedi"), ("at 2'nci", "2'nci")]
)
def test_numbers_that_can_not_be_changed_stay(pair: tuple[str, str]) -> None:
    assert renumber(pair, LANGUAGES, Random(1)) is None


@given(st.sampled_from(PAIRS), st.integers())
def test_what_is_put_in_is_on_both_sides_once(pair: tuple[str, str], seed: int) -> None:
    changed = put_in(pair, LANGUAGES, NAMES, Random(seed))
    if changed is not None:
        left, right = map(symbols_of, changed)
        assert sorted(left) == sorted(right)
        assert len(set(left)) == len(left) > 0


def test_only_full_stops_of_both_sides_are_left_out() -> None:
    assert without_final_mark(("It is.", "Bu öyle.")) == ("It is", "Bu öyle")
    assert without_final_mark(("It is.", "Bu öyle!")) is None
    assert without_final_mark(("It is...", "Bu öyle.")) is None


def test_rows_are_the_same_each_time_and_differ_by_seed() -> None:
    sources = [Rows(PAIRS * 30)]
    first, again, other = (list(PairRows(EVERYTHING, LANGUAGES, seed).train(sources)) for seed in (1, 1, 2))
    rows = PairRows(EVERYTHING, LANGUAGES, 1)
    assert first == again == list(rows.train(sources)) == list(rows.train(sources)) != other
    assert len(first) < len(PAIRS) * 30
    for left, right in first:
        assert sorted(symbols_of(left)) == sorted(symbols_of(right))


def test_without_changes_the_rows_are_those_of_the_sources() -> None:
    rows = PairRows(PairConfig(), LANGUAGES, 1)
    assert list(rows.train([Rows([*PAIRS, ("", "boş")])])) == PAIRS
    assert rows.valid(PAIRS) == PAIRS
    assert not rows.symbols


def test_invented_names_are_new_and_have_a_vowel() -> None:
    generator = Random(1)
    words = [
        "".join(generator.choice("BDGKLMNRST") + generator.choice("aeiou") for _ in range(3)).capitalize()
        for _ in range(300)
    ]
    names = learn_names([(f"{word} runs", f"{word}'e koş") for word in words], 1)
    assert names.shared == set(words)
    assert len(names.english) > 500
    assert not set(names.english) & set(words)
    assert all(re.search("[aeiou]", name) for name in names.english)


def test_the_plan_trains_a_vocabulary_with_symbols(tmp_path: Path) -> None:
    train, valid = tmp_path / "train.tsv", tmp_path / "valid.tsv"
    train.write_text("".join(f"{left}\t{right}\n" for left, right in PAIRS * 30), encoding="utf-8")
    valid.write_text("Go to {x}.\t{x} yerine git.\n", encoding="utf-8")
    settings = ("symbols=true", "renamed=0.5", "put_in=0.5", "vocabulary_size=330", "embedding=8", "hidden=8", "seed=1")
    request = Request(
        "translator", tmp_path / "model", (str(train),), (str(valid),), LANGUAGES, assignments=settings, device="cpu"
    )
    planned = plan(request, World())
    assert isinstance(planned.tokenizer, SubwordTokenizer)
    for symbol in SYMBOLS:
        *space, piece = planned.tokenizer.encode(symbol)
        assert planned.tokenizer.decode([piece]) == symbol
        assert len(space) <= 1
    assert planned.report is not None
    assert planned.report.valid.rows == 1
