"""What is reserved is kept, whatever the model answers."""

import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.text.front import Passage, prepare
from models.text.html import prepare_html
from models.text.reserved import find_hard, numbers
from models.text.symbols import SYMBOLS, find_items
from tests.front_cases import CASES, FrontCase

_SYMBOLS = re.compile(f"[{SYMBOLS[0]}-{SYMBOLS[-1]}]")
ANSWERS = ["Ve sonra gitti.", "", "x", "7 gün 12.", "ÇOK İYİ!", '"Evet,', "« no »", "Evet !", "iyi " * 50]


def put_together(passage: Passage, hypotheses: list[str], target: str) -> str:
    """The translation of a text by a model that answers the same hypotheses, the best first, whatever it reads."""
    return "".join(
        part if isinstance(part, str) else part.render([hypotheses for _ in part.inputs()], target)
        for part in passage.parts
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.source}-{case.kind}")
@pytest.mark.parametrize("symbols", [False, True])
def test_cases(case: FrontCase, symbols: bool) -> None:
    make = prepare_html if case.format == "html" else prepare
    passage = make(case.text, case.source, symbols)
    for answer in ANSWERS:
        case.check(put_together(passage, [answer], case.target), symbols)
    obedient = "".join(
        part
        if isinstance(part, str)
        else part.render(
            [["Sonra " + " ile ".join(reversed(_SYMBOLS.findall(read))) + " 7"] for read in part.inputs()], case.target
        )
        for part in passage.parts
    )
    case.check(obedient, symbols)


def test_there_are_enough_in_each_direction() -> None:
    assert min(Counter(case.source for case in CASES).values()) >= 100
    assert len({(case.source, case.text) for case in CASES}) == len(CASES)


KEPT = sorted({item for case in CASES for item in (*case.keeps, *case.symbols) if case.format == "text"})
WORDS = ["the", "old", "Where", "is", "LATER", "it,", "and", "güzel", "şehir.", "“So", "no”", "-", "\n", "(see"]
TEXTS = st.lists(st.sampled_from([*KEPT, *WORDS, "14", "3,5 kg", "%20'si"]), min_size=1, max_size=9).map(" ".join)
HYPOTHESES = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Co"])
        | st.sampled_from(["1", "7", "“", '"', ".", "!", " ", "İ", "<", "&", "{", "%", *SYMBOLS[:4]]),
        max_size=20,
    ),
    min_size=1,
    max_size=3,
)


@given(text=TEXTS, hypotheses=HYPOTHESES, symbols=st.booleans(), source=st.sampled_from(["en", "tr"]))
@example(text="A4 is {0}", hypotheses=[""], symbols=False, source="en")
@example(text="the 0,5 %(size)s", hypotheses=[":"], symbols=True, source="en")
def test_whatever_the_model_answers(text: str, hypotheses: list[str], symbols: bool, source: str) -> None:
    target = "tr" if source == "en" else "en"
    translation = put_together(prepare(text, source, symbols), hypotheses, target)
    found = find_items(text, source) if symbols else find_hard(text)
    for item, count in Counter(text[one.start : one.end] for one in found).items():
        assert translation.count(item) >= count
    assert not numbers(text) - numbers(translation)
    assert translation.count("\n") == text.count("\n")
