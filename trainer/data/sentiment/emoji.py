"""Texts with emoji: alone, behind text without an opinion, behind an opinion that they share."""

import random
from collections.abc import Iterator

from trainer.data.sentiment.words import LABELS, load_words


def emoji(language: str, held_back: bool) -> Iterator[tuple[str, str]]:
    """Texts with their labels. Those held back share no text with the others, and their emoji are others too."""
    lists = load_words("emoji")
    texts, generator = lists[language], random.Random(f"emoji {language}")
    prefix = "held_" if held_back else ""
    for label in LABELS:
        symbols = lists["emoji"][prefix + label].split()
        for symbol in symbols:
            yield from (
                (alone, label) for alone in (symbol, symbol * 2, symbol * 3, symbol + generator.choice(symbols))
            )
            for text in texts[prefix + "plain"]:
                yield f"{text} {symbol * generator.choice((1, 1, 2, 3))}".strip(), label
            for text in texts.get(prefix + label, ()):
                yield f"{text}{generator.choice((' ', '! ', '. ', ''))}{symbol * generator.choice((1, 1, 3))}", label
