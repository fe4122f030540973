"""Texts with what their translations must have, whatever the model says: a line each of front_cases.jsonl."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from models.text.reserved import numbers

_LINE_END = re.compile("\r\n|[\n\r\u2028]")


@dataclass(frozen=True)
class FrontCase:
    """source and target are languages.

    keeps are in the translation as often as in the text; symbols too, where the vocabulary has symbols for them. lines
    are how each line begins and ends. same_as is another text, with the same translation.
    """

    kind: str
    source: Literal["en", "tr"]
    text: str
    format: Literal["text", "html"] = "text"
    keeps: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    begin: str = ""
    end: str = ""
    not_end: str = ""
    """Characters of which the translation ends with none."""
    lines: tuple[tuple[str, str], ...] = ()
    shape: Literal["", "upper"] = ""
    whole: str | None = None
    """The translation, where only one is right."""
    same_as: str | None = None

    @property
    def target(self) -> str:
        return "tr" if self.source == "en" else "en"

    def check(self, translation: str, symbols: bool) -> None:
        """Assert all of it but same_as; symbols says whether the vocabulary has those of models/text/symbols.py."""
        for item in (*self.keeps, *(self.symbols if symbols else ())):
            assert translation.count(item) == self.text.count(item), item
        assert self.whole in (None, translation)
        assert translation.startswith(self.begin)
        assert translation.endswith(self.end)
        assert not translation.endswith(tuple(self.not_end))
        assert not numbers(self.text) - numbers(translation)
        if self.kind in ("number", "date", "time", "unit"):
            assert numbers(translation) == numbers(self.text)
        if self.format == "text":
            assert _LINE_END.findall(translation) == _LINE_END.findall(self.text)
            assert len(translation) - len(translation.lstrip()) >= len(self.text) - len(self.text.lstrip())
        if self.lines:
            for line, (begin, end) in zip(translation.splitlines(), self.lines, strict=True):
                assert line.startswith(begin)
                assert line.endswith(end)
        if self.shape == "upper":
            rest = translation
            for item in self.keeps:
                rest = rest.replace(item, "")
            assert not any(map(str.islower, rest))


def load_cases() -> list[FrontCase]:
    lines = Path(__file__).with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
    return [FrontCase(**{name: _as_tuple(value) for name, value in json.loads(line).items()}) for line in lines]


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


CASES = load_cases()
