"""Whether a translation of HTML has the words of the plain translation, and its tags around the right ones.

    python -m benchmarks.scripts.html_tags URL TRAIN DEV [--sentences 600] [--beam-size 5]

TRAIN and DEV are pairs, English and Turkish, one a line with a tab between. One to three words of each sentence of DEV
are put into a tag. Which words of the plain translation belong to which of the source is told by a word-translation
model of TRAIN (IBM's model 1, Brown et al. 1993, in both directions, over the first letters of words, since Turkish
words have many suffixes), where that leaves no doubt. A tag is right if of these words it has those of the tagged ones,
and no other. Printed for each direction: the share of texts with the words of the plain translation, and of right tags.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from models.text.tokenizers.base import lower

STEM = 5
"""Letters of a word that count."""
ROUNDS = 4
SURE, AHEAD = 0.1, 5.0
"""The probability, forth times back, above which two words belong together, and how many times that of the next."""
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
BATCH = 32
Table = dict[tuple[str, str], float]


def stems(text: str, language: str) -> list[str]:
    """The beginnings of the words of a text."""
    return [re.split("['’]", lower(word, language))[0][:STEM] for word in WORD.findall(text)]


def word_translations(pairs: Sequence[tuple[list[str], list[str]]]) -> Table:
    """The probability of a target word given a source word, by expectation maximization."""
    table: Table = defaultdict(lambda: 1.0)
    for _ in range(ROUNDS):
        counts: Table = defaultdict(float)
        totals: dict[str, float] = defaultdict(float)
        for source, target in pairs:
            for word in target:
                weights = [table[other, word] for other in ("", *source)]
                total = sum(weights)
                for other, weight in zip(("", *source), weights, strict=True):
                    counts[other, word] += weight / total
                    totals[other] += weight / total
        table = defaultdict(float, {key: count / totals[key[0]] for key, count in counts.items()})
    return table


def partners(source: Sequence[str], target: Sequence[str], forth: Table, back: Table) -> Iterator[tuple[int, int]]:
    """The indices of source and target words that belong together without doubt."""
    for index, word in enumerate(source):
        scores = sorted(((forth[word, other] * back[other, word], at) for at, other in enumerate(target)), reverse=True)
        if not scores or scores[0][0] < SURE or source.count(word) > 1 or target.count(target[scores[0][1]]) > 1:
            continue
        if len(scores) == 1 or scores[0][0] >= AHEAD * scores[1][0]:
            yield index, scores[0][1]


def tagged(text: str, generator: random.Random) -> tuple[str, set[int]]:
    """A text with one to three of its words in a tag, and their indices."""
    words = list(WORD.finditer(text))
    first = generator.randrange(len(words))
    last = min(len(words) - 1, first + generator.choice([0, 0, 1, 2]))
    start, end = words[first].start(), words[last].end()
    return f"{text[:start]}<b>{text[start:end]}</b>{text[end:]}", set(range(first, last + 1))


def inside(html: str) -> tuple[str, set[int]]:
    """A text without its tag, and the indices of the words that have a letter in it."""
    before, rest = html.split("<b>", 1)
    middle, after = rest.split("</b>", 1)
    text = before + middle + after
    start, end = len(before), len(before) + len(middle)
    return text, {at for at, word in enumerate(WORD.finditer(text)) if word.start() < end and word.end() > start}


def translations(client: httpx.Client, texts: Sequence[str], target: str, route: str, **body: Any) -> list[str]:
    """Those of texts, in the same order."""
    results: list[str] = []
    for start in range(0, len(texts), BATCH):
        batch = list(texts[start : start + BATCH])
        source = "en" if target == "tr" else "tr"
        if route == "/translate":
            reply = client.post(route, json={"text": batch, "source": source, "target": target, **body})
            results += [one["text"] for one in reply.raise_for_status().json()["results"]]
        else:
            asked = {"q": batch, "source": source, "target": target, "format": body["format"]}
            reply = client.post(route, json=asked)
            results += reply.raise_for_status().json()["translatedText"]
    return results


def main(
    url: str,
    train: Path,
    dev: Path,
    sentences: Annotated[int, typer.Option(min=1)] = 600,
    beam_size: Annotated[int, typer.Option(min=1)] = 5,
    pairs: Annotated[int, typer.Option(min=1, help="Of TRAIN that are read.")] = 80_000,
    route: Annotated[str, typer.Option(help="/translate or /libretranslate/translate.")] = "/translate",
    seed: int = 1,
    show: Annotated[int, typer.Option(help="How many of the wrong ones to print.")] = 0,
) -> None:
    """Print the shares for both directions."""
    lines = [line.split("\t")[:2] for line in train.read_text(encoding="utf-8").splitlines()[:pairs]]
    both = [(stems(english, "en"), stems(turkish, "tr")) for english, turkish in lines]
    table = word_translations(both)
    reverse = word_translations([(turkish, english) for english, turkish in both])
    generator = random.Random(seed)
    held_back = [line.split("\t")[:2] for line in dev.read_text(encoding="utf-8").splitlines()]
    generator.shuffle(held_back)
    with httpx.Client(base_url=url, timeout=300) as client:
        for column, source, target in ((0, "en", "tr"), (1, "tr", "en")):
            forth, back = (table, reverse) if source == "en" else (reverse, table)
            texts = [pair[column] for pair in held_back if WORD.search(pair[column]) and "<" not in pair[column]]
            texts = texts[:sentences]
            html = [tagged(text, generator) for text in texts]
            plain = translations(client, texts, target, route, format="text", beam_size=beam_size)
            replies = translations(
                client, [text for text, _ in html], target, route, format="html", beam_size=beam_size
            )
            same = right = asked = words = 0
            for text, (_, chosen), translation, reply in zip(texts, html, plain, replies, strict=True):
                stripped, found = inside(reply)
                equal = stripped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == translation
                same += equal
                pairs_of = dict(partners(stems(text, source), stems(translation, target), forth, back))
                expected = {pairs_of[index] for index in chosen if index in pairs_of}
                if not expected:
                    continue
                asked += 1
                words += len(found)
                shown = stems(stripped, target)
                names = stems(translation, target)
                of_tag = {shown[at] for at in found}
                good = all(
                    (names[at] in of_tag) == (index in chosen) for index, at in pairs_of.items()
                )  # of all that are sure
                right += good
                if not good and show > 0:
                    show -= 1
                    print(html[texts.index(text)][0], "→", reply)
            print(
                f"{source}-{target} beam {beam_size} {route}: same words {same / len(texts):.1%} of {len(texts)}, "
                f"right tags {right / max(1, asked):.1%} of {asked}, {words / max(1, asked):.2f} words in each"
            )


if __name__ == "__main__":
    typer.run(main)
