"""What a list of next words saves a typist who makes slips, with and without tolerance for them.

    python -m benchmarks.scripts.slips CHECKPOINT DATA [--data ROOT] [--texts 300] [--share 0.1]

One word in ten, whichever chance says, is typed with one slip: a neighbouring key instead of a letter or after it,
two letters swapped, a letter missing or twice, each as often. The text must come out right: a word with a slip that
was not selected is deleted back to the slip and typed again from there, without a list. Savings are those of
`carousel-train evaluate --keyboard` with 5 slots: of the keys that the text has without slips. Then: of the words that
have letters with marks, how often a word is the first of the list once all of it is typed without them; and
milliseconds of a list.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import typer

from models import checkpoint
from models.decoding.next_words import Query, Scores, WordSearch, run, score_queries
from models.decoding.slip_search import SlipSearch
from models.decoding.slips import Slips, neighbours, plain
from models.decoding.word_pieces import Vocabulary
from models.kinds import kind_named
from models.runtime.build import choose_precision
from models.runtime.interface import LanguageRuntime
from models.text.tokenizers import lower
from trainer.data.corpus import usable
from trainer.data.sources import parse_source
from trainer.evaluation.evaluate import spaced
from trainer.evaluation.keyboard import LISTED, Hand, Word, context_ids, keys_of, type_texts, word_spans

SLIPS = ("neighbour", "after", "swapped", "missing", "twice")
SLOTS, TIMED_TEXTS, TIMED_LETTERS = 5, 40, 4


def with_slip(word: str, layout: str, language: str, rng: random.Random) -> str:
    """A word with one slip; as it is where twenty tries make none."""
    for _ in range(20):
        kind, at = rng.choice(SLIPS), rng.randrange(len(word))
        before, letter, after = word[:at], word[at], word[at + 1 :]
        near = sorted(neighbours(layout).get(lower(letter, language), ()))
        typed = {
            "neighbour": before + rng.choice(near or [letter]) + after,
            "after": before + letter + rng.choice(near or [""]) + after,
            "swapped": before + after[:1] + letter + after[1:],
            "missing": before + after,
            "twice": before + letter + letter + after,
        }[kind]
        if typed and typed != word:
            return typed
    return word


def slipping(share: float, layout: str, language: str) -> Callable[[str, int, int], str]:
    """The letters typed for a word of a text, the same ones at each call."""

    def typed(text: str, begin: int, end: int) -> str:
        rng = random.Random(f"{begin} {text}")
        word = text[begin:end]
        return with_slip(word, layout, language, rng) if rng.random() < share else word

    return typed


def repairs(text: str, word: Word, typed: str) -> int:
    """The keys beyond those of the word, where it was typed with a slip and never selected."""
    meant = text[word.start : word.end]
    if typed == meant or word.selected_after(SLOTS) is not None:
        return 0
    pairs = enumerate(zip(meant, typed, strict=False))
    slip = next((index for index, (right, wrong) in pairs if right != wrong), min(len(meant), len(typed)))
    return 2 * (len(typed) - slip)


def savings(runtime: LanguageRuntime, vocabulary: Vocabulary, texts: Sequence[str], hand: Hand) -> str:
    """Keystroke savings, and how many of the words with a slip were selected."""
    typed = type_texts(runtime, vocabulary, texts, hand)
    keys, slips, selected = 0, 0, 0
    for text, words in zip(texts, typed, strict=True):
        keys += keys_of(text, words, SLOTS)
        for word in words:
            letters = hand.typed(text, word.start, word.end)
            keys += repairs(text, word, letters)
            if letters != text[word.start : word.end]:
                slips += 1
                selected += word.selected_after(SLOTS) is not None
    whole = sum(len(text) + 1 for text in texts)
    return f"savings {100 * (1 - keys / whole):.2f}%, {selected} of {slips} words with a slip selected"


def contexts(
    runtime: LanguageRuntime, vocabulary: Vocabulary, texts: Sequence[str]
) -> Iterator[tuple[str, str, Scores]]:
    """Words, the text before each, and the scores after that."""
    for text in texts:
        for begin, end in word_spans(text):
            *before, last = context_ids(vocabulary.tokenizer, text[:begin])
            state = runtime.start(1)
            if before:
                state = runtime.prefill([torch.tensor(before)], state)
            yield text[begin:end], text[:begin], score_queries(runtime, vocabulary, [Query(state, 0, last)])


def unmarked(letters: str) -> str:
    """Letters typed without their marks, capitals as capitals."""
    return "".join(plain(char).upper() if char.isupper() else plain(char) for char in letters)


def main(
    folder: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A language model.")],
    name: Annotated[str, typer.Argument(metavar="DATA", help="Text that it was not trained on: FILE[:COLUMN].")],
    data: Annotated[Path, typer.Option(help="Where relative paths begin.")] = Path(),
    texts: Annotated[int, typer.Option(help="So many of the rows, spread over the data.")] = 300,
    share: Annotated[float, typer.Option(help="Of the words that are typed with a slip.")] = 0.1,
    threads: int = 1,
) -> None:
    """Measure what tolerance for slips gives back of what slips cost."""
    torch.set_num_threads(threads)
    loaded, kind = checkpoint.load(folder), kind_named("language")
    language = loaded.languages[0]
    layout = "turkish-q" if language == "tr" else "qwerty"
    source = parse_source(name, data, kind.columns, kind.tsv_columns, "validation")
    rows = spaced(list(usable(source.rows(), kind.text_columns)), texts)
    lines = [" ".join(text.split()) for (text,) in rows]
    runtime = kind.runtime(loaded.model, choose_precision("auto", torch.device("cpu")), threads)
    vocabulary = Vocabulary(loaded.tokenizer, loaded.known_words)

    def search(after: Scores, typed: str, tolerant: bool) -> WordSearch:
        begin = (vocabulary, after.probabilities[0], after.state, after.first, LISTED)
        found = SlipSearch(*begin, Slips(typed, layout, language)) if tolerant else WordSearch(*begin, typed)
        run(runtime, vocabulary, found)
        return found

    with torch.inference_mode():
        as_written, with_slips = Hand().typed, slipping(share, layout, language)
        for label, hand in {
            "no slips, no tolerance": Hand(),
            "no slips, tolerance": Hand(as_written, layout, language),
            "slips, no tolerance": Hand(with_slips),
            "slips, tolerance": Hand(with_slips, layout, language),
        }.items():
            print(f"{label}: {savings(runtime, vocabulary, lines, hand)}", flush=True)
        marked, first = 0, 0
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for number, (word, before, after) in enumerate(contexts(runtime, vocabulary, lines)):
            if (typed := unmarked(word)) != word:
                words = search(after, typed, tolerant=True).result().words
                marked += 1
                first += bool(words) and words[0][0] in (word, word[:1].lower() + word[1:] if not before else word)
            if number < TIMED_TEXTS * 5:
                for length in range(1, min(len(word), TIMED_LETTERS) + 1):
                    for tolerant in (False, True):
                        begin = time.perf_counter()
                        search(after, word[:length], tolerant)
                        seconds[tolerant].append(time.perf_counter() - begin)
        if marked:
            print(f"typed without marks, the first of the list: {first} of {marked}, {first / marked:.1%}")
        off, on = (1000 * median(seconds[tolerant]) for tolerant in (False, True))
        print(f"a list, median: {off:.1f} ms without tolerance, {on:.1f} with it: {on / off:.2f}")


if __name__ == "__main__":
    typer.run(main)
