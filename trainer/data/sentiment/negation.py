"""Opinions affirmed and turned round: "good", "not good", "no problems", "couldn't be better"."""

import random
from collections.abc import Iterator

from trainer.data.sentiment.words import LABELS, OPPOSITE, Part, is_of, load_words, words_of

FAMILIES = ("adjectives", "verbs", "nouns", "comparisons", "phrases")
ENDINGS = ("", ".", ".", "!")
COMMON = 3
"""The first templates of a list, which every word is put in."""
OTHERS = 10
"""The further templates of a word, at random."""


def negation(language: str, part: Part) -> Iterator[tuple[str, str]]:
    """Texts with their labels: each word in templates, with a random subject."""
    words = load_words(language)
    prefix = "unseen_" if part == "unseen" else ""
    for family in FAMILIES:
        lists = words[family]
        affirming = [(template, False) for template in lists[prefix + "affirming"]]
        turning = [(template, True) for template in lists[prefix + "turning"]]
        common, others = affirming[:COMMON] + turning[:COMMON], affirming[COMMON:] + turning[COMMON:]
        for label in LABELS:
            for word in words_of(lists[label], part):
                generator = random.Random(f"negation {language} {family} {word}")
                for template, turns in [*common, *generator.sample(others, min(OTHERS, len(others)))]:
                    text = _fill(template, word, generator.choice(words["subjects"]))
                    ending = generator.choice(ENDINGS)
                    if is_of(text, part):
                        yield text + ending, OPPOSITE[label] if turns else label


def _fill(template: str, word: str, subject: str) -> str:
    """{w} is the word, {w0} and {w1} its forms, affirmed and negated, where it has both."""
    forms = word.split("/")
    text = template.replace("{w0}", forms[0]).replace("{w1}", forms[-1]).replace("{w}", word)
    text = text.replace("{s}", subject)
    return text[0].upper() + text[1:]
