"""Texts with emoji: alone, behind text without an opinion, behind an opinion that they share."""

import random
from collections.abc import Iterator

from trainer.data.sentiment.words import LABELS, Part, is_of, load_words

TEXTS_OF_AN_EMOJI = 10
"""Without an opinion, at most."""


def emoji(language: str, part: Part) -> Iterator[tuple[str, str]]:
    """Texts with their labels: each emoji with random texts."""
    lists = load_words("emoji")
    texts = lists[language]
    prefix = "unseen_" if part == "unseen" else ""
    for label in LABELS:
        symbols = lists["emoji"][prefix + label].split()
        for symbol in symbols:
            generator = random.Random(f"emoji {language} {symbol}")
            rows = [symbol, symbol * 2, symbol * 3, symbol + generator.choice(symbols)]
            plain = texts[prefix + "plain"]
            for text in generator.sample(plain, min(TEXTS_OF_AN_EMOJI, len(plain))):
                rows.append(f"{text} {symbol * generator.choice((1, 1, 2, 3))}")
            for text in texts.get(prefix + label, ()):
                rows.append(f"{text}{generator.choice((' ', '! ', '. ', ''))}{symbol * generator.choice((1, 1, 3))}")
            yield from ((text, label) for text in rows if is_of(text, part))
