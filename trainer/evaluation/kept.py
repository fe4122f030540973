"""How much of what a translation must keep it keeps: reserved items and names, in sentences drawn by a seed."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from random import Random

from trainer.evaluation.names import FIRST_NAMES, LAST_NAMES

Translate = Callable[[Sequence[str], str], Sequence[str]]
"""From texts and the language to translate into to their translations."""
MAX_ITEMS = 5
_VOWELS = re.compile("[aeıioöuü]")
_LETTERS = "abcdefghijklmnoprstuvyz"


@dataclass(frozen=True)
class KeptSentence:
    """A sentence in a language, with what its translation must have, each once: kinds and texts."""

    text: str
    items: tuple[tuple[str, str], ...]


def _word(draw: Random) -> str:
    return "".join(draw.choice(_LETTERS) for _ in range(draw.randint(3, 8)))


_MAKERS: dict[str, Callable[[Random], str]] = {
    "address": lambda draw: f"https://{_word(draw)}.example/{_word(draw)}?{_word(draw)}={draw.randint(1, 99)}",
    "e-mail": lambda draw: f"{_word(draw)}.{_word(draw)}@{_word(draw)}.example",
    "placeholder": lambda draw: draw.choice(["{%s}", "{{ %s }}", "${%s}", "%%(%s)s", ":%s"]) % _word(draw),
    "format": lambda draw: f"%{draw.randint(1, 9)}${draw.choice('sd')}",
    "markup": lambda draw: f"<{draw.choice('biu')} id={_word(draw)}>",
    "code": lambda draw: f"`{_word(draw)} --{_word(draw)}`",
    "identifier": lambda draw: f"{_word(draw)}_{_word(draw)}",
    "path": lambda draw: f"/{_word(draw)}/{_word(draw)}/{_word(draw)}.txt",
    "emoji": lambda draw: chr(draw.randrange(0x1F600, 0x1F640)),
    "date": lambda draw: f"{draw.randint(1990, 2030)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
    "time": lambda draw: f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}",
    "unit": lambda draw: f"{draw.randint(2, 900)} {draw.choice(['kg', 'km', 'MB', 'cm', 'TL', 'ml'])}",
    "number": lambda draw: f"{draw.randint(1000, 9999999)}",
}
_CLAUSES = {
    "en": [
        "{} was sent to the office", "we looked for {}", "{} is missing here", "they asked about {} yesterday",
        "the answer was {}", "you can find {} in the book", "nobody understood {}", "please write {} once more",
    ],
    "tr": [
        "{} ofise gönderildi", "biz {} aradık", "burada {} eksik", "dün {} hakkında sordular", "cevap {} oldu",
        "kitapta {} bulabilirsin", "kimse {} için bir şey demedi", "lütfen {} diye bir daha yaz",
    ],
}  # fmt: skip
_JOINTS = {"en": [" and ", ", but ", ", so "], "tr": [" ve ", ", ama ", ", bu yüzden "]}
_NAMED = {
    "en": [
        "{} called me yesterday.", "I have known {} for years.", "Yesterday we had dinner with {}.",
        "My name is {} and I live here.", "Did you see {} at the station?", "{} wrote a letter to the teacher.",
        "The book was written by {}.", "I don't think {} will come today.",
    ],
    "tr": [
        "{} dün beni aradı.", "Dün akşam {} ile yemek yedik.", "Benim adım {} ve burada yaşıyorum.",
        "İstasyonda {:acc} gördün mü?", "Bu mektubu {:dat} verdim.", "Haberi {:abl} duydum.",
        "{:gen} evi çok uzakta.", "{} bugün gelmeyecek.",
    ],
}  # fmt: skip


class Name(str):
    """A name that is formatted with a Turkish case: acc, dat, abl or gen, by vowel harmony."""

    def __format__(self, case: str) -> str:
        if not case:
            return str(self)
        vowel = (_VOWELS.findall(self.lower()) or ["e"])[-1]
        low = "ae"[vowel in "eiöü"]
        high = {"a": "ı", "ı": "ı", "e": "i", "i": "i", "o": "u", "u": "u", "ö": "ü", "ü": "ü"}[vowel]
        open_ = bool(_VOWELS.fullmatch(self[-1]))
        hard = self[-1] in "fstkçşhp"
        suffix = {
            "acc": "y" * open_ + high,
            "dat": "y" * open_ + low,
            "abl": ("t" if hard else "d") + low + "n",
            "gen": "n" * open_ + high + "n",
        }[case]
        return f"{self}'{suffix}"


def reserved_sentences(language: str, count: int, seed: int = 0) -> list[KeptSentence]:
    """Sentences with one to five different reserved items."""
    draw = Random(f"reserved {language} {seed}")
    sentences: list[KeptSentence] = []
    while len(sentences) < count:
        kinds = draw.sample(sorted(_MAKERS), draw.randint(1, MAX_ITEMS))
        items = [(kind, _MAKERS[kind](draw)) for kind in kinds]
        clauses = draw.sample(_CLAUSES[language], len(items))
        text = clauses[0].format(items[0][1])
        for clause, (_, item) in zip(clauses[1:], items[1:], strict=True):
            text += draw.choice(_JOINTS[language]) + clause.format(item)
        if not clauses[0].startswith("{"):
            text = text[0].upper() + text[1:]
        if all(text.count(item) == 1 for _, item in items):
            sentences.append(KeptSentence(text + ".", tuple(items)))
    return sentences


def name_sentences(language: str, count: int, known: Collection[str] = (), seed: int = 0) -> list[KeptSentence]:
    """Sentences with a first and a last name, none of them among the known words.

    In Turkish a suffix may follow the name.
    """
    draw = Random(f"names {language} {seed}")
    first = [name for name in FIRST_NAMES if name not in known]
    last = [name for name in LAST_NAMES if name not in known]
    if not first or not last:
        raise ValueError("every name is known")
    sentences = []
    for index in range(count):
        name = Name(f"{draw.choice(first)} {draw.choice(last)}")
        text = _NAMED[language][index % len(_NAMED[language])].format(name)
        sentences.append(KeptSentence(text, tuple(("name", part) for part in name.split())))
    return sentences


def is_kept(item: str, translation: str) -> bool:
    """Whether a translation has an item once, or, of what begins or ends with a letter, once as a whole word."""
    left = r"(?<!\w)" if item[0].isalnum() else ""
    right = r"(?!\w)" if item[-1].isalnum() else ""
    return len(re.findall(left + re.escape(item) + right, translation)) == 1


@dataclass(frozen=True)
class Kept:
    """Of how many sentences everything was kept, and of each kind of item, how many of how many were.

    lost are sentences that were not kept, with their translations.
    """

    sentences: int
    kept: int
    kinds: dict[str, tuple[int, int]]
    lost: tuple[tuple[str, str], ...]

    @property
    def share(self) -> float:
        return self.kept / self.sentences if self.sentences else 1.0


def measure_kept(sentences: Sequence[KeptSentence], translate: Translate, target: str) -> Kept:
    """Translate sentences into the language target, and count what is kept."""
    total: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    lost = []
    translations = translate([sentence.text for sentence in sentences], target)
    for sentence, translation in zip(sentences, translations, strict=True):
        missing = [item for _, item in sentence.items if not is_kept(item, translation)]
        total.update(kind for kind, _ in sentence.items)
        kept.update(kind for kind, item in sentence.items if item not in missing)
        if missing:
            lost.append((sentence.text, translation))
    kinds = {kind: (kept[kind], total[kind]) for kind in sorted(total)}
    return Kept(len(sentences), len(sentences) - len(lost), kinds, tuple(lost))
