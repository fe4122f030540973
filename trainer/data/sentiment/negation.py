"""Opinions affirmed and turned round: "good", "not good", "no problems", "couldn't be better"."""

import random
from collections.abc import Iterator

from trainer.data.sentiment.words import LABELS, OPPOSITE, load_words, part

FAMILIES = ("adjectives", "verbs", "nouns", "comparisons", "phrases")
ENDINGS = ("", ".", ".", "!")


def negation(language: str, held_back: bool) -> Iterator[tuple[str, str]]:
    """Texts with their labels: each word in each template, with a random subject.

    Those held back have neither a word nor a template in common with the others.
    """
    words, generator = load_words(language), random.Random(f"negation {language}")
    prefix = "held_" if held_back else ""
    for family in FAMILIES:
        lists = words[family]
        templates = [(template, False) for template in lists[prefix + "affirming"]]
        templates += [(template, True) for template in lists[prefix + "turning"]]
        for template, turns in templates:
            for label in LABELS:
                for word in part(lists[label], held_back):
                    text = _fill(template, word, generator.choice(words["subjects"]))
                    yield text + generator.choice(ENDINGS), OPPOSITE[label] if turns else label


def _fill(template: str, word: str, subject: str) -> str:
    """{w} is the word, {w0} and {w1} its forms, affirmed and negated, where it has both."""
    forms = word.split("/")
    text = template.replace("{w0}", forms[0]).replace("{w1}", forms[-1]).replace("{w}", word)
    text = text.replace("{s}", subject)
    return text[0].upper() + text[1:]
