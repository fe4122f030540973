"""What a list of next words saves a typist who makes slips, with and without tolerance for them.

    python -m benchmarks.scripts.slips CHECKPOINT DATA [--data ROOT] [--texts 300] [--share 0.1] [--words-only]

One word in ten, whichever chance says, is typed with one slip: a neighbouring key instead of a letter or after it,
two letters swapped, a letter missing or twice, each as often. The text must come out right: a word with a slip that
was not selected is deleted back to the slip and typed again from there, without a list. Savings are those of
`carousel-train evaluate --keyboard` with 5 slots: of the keys that the text has without slips, with 95% intervals by a
bootstrap over texts. Then (with --words-only, at once): how often a word is the first of the list once all of it is
typed, as the beginning of a word and as a whole one: of words that have letters with marks, typed without them; of all
words, typed as they are. And milliseconds of a list.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import torch
import typer

from models import checkpoint
from models.decoding.next_words import Query, Scores, WordSearch, run, score_queries
from models.decoding.slip_search import SlipSearch
from models.decoding.slips import Slips, neighbours
from models.decoding.word_pieces import Vocabulary, plain
from models.kinds import kind_named
from models.runtime.build import choose_precision
from models.runtime.interface import LanguageRuntime
from models.text.tokenizers import lower
from trainer.data.corpus import usable
from trainer.data.sources import parse_source
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.evaluate import spaced
from trainer.evaluation.keyboard import LISTED, Hand, Word, context_ids, keys_of, type_texts, word_spans

SLIPS = ("neighbour", "after", "swapped", "missing", "twice")
SLOTS, TIMED_TEXTS, TIMED_LETTERS = 5, 40, 4
RESAMPLES = 1000


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
    plain_keys = np.array([len(text) + 1 for text in texts], dtype=np.float64)
    saved, slips, selected = plain_keys.copy(), 0, 0
    for index, (text, words) in enumerate(zip(texts, typed, strict=True)):
        saved[index] -= keys_of(text, words, SLOTS)
        for word in words:
            letters = hand.typed(text, word.start, word.end)
            saved[index] -= repairs(text, word, letters)
            if letters != text[word.start : word.end]:
                slips += 1
                selected += word.selected_after(SLOTS) is not None
    low, high = interval(saved, plain_keys, RESAMPLES)
    share = f"{saved.sum() / plain_keys.sum():.2%} ({low:.1%} to {high:.1%})"
    return f"savings {share}, {selected} of {slips} words with a slip selected"


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


def words_typed(word: str, first: bool) -> dict[str, tuple[str, tuple[str, ...]]]:
    """A word typed whole: what is said of the letters, these, and what is right. The first one may lack its capital."""
    right: tuple[str, ...] = (word, word[:1].lower() + word[1:]) if first else (word,)
    without = unmarked(word)
    return {"as they are": (word, right)} | ({"without marks": (without, right)} if without != word else {})


def report_lists(first: Mapping[tuple[str, str], Sequence[bool]], seconds: Mapping[str, Sequence[float]]) -> None:
    """Print how often words were first of their lists, and how long a list took."""
    for (label, asked), of_words in first.items():
        share = sum(of_words) / len(of_words)
        print(f"typed {label}, as {asked}: {sum(of_words)} of {len(of_words)} first of the list, {share:.1%}")
    for label, of_lists in seconds.items():
        print(f"a list, median {label}: {1000 * median(of_lists):.1f} ms")


def main(
    folder: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A language model.")],
    name: Annotated[str, typer.Argument(metavar="DATA", help="Text that it was not trained on: FILE[:COLUMN].")],
    data: Annotated[Path, typer.Option(help="Where relative paths begin.")] = Path(),
    texts: Annotated[int, typer.Option(help="So many of the rows, spread over the data.")] = 300,
    share: Annotated[float, typer.Option(help="Of the words that are typed with a slip.")] = 0.1,
    words_only: Annotated[bool, typer.Option("--words-only", help="No keystroke savings.")] = False,
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

    def search(after: Scores, typed: str, tolerant: bool, whole: bool = False) -> WordSearch:
        begin = (vocabulary, after.probabilities[0], after.state, after.first, LISTED)
        found = SlipSearch(*begin, Slips(typed, layout, language, whole)) if tolerant else WordSearch(*begin, typed)
        run(runtime, vocabulary, found)
        return found

    with torch.inference_mode():
        as_written, with_slips = Hand().typed, slipping(share, layout, language)
        hands = {
            "no slips, no tolerance": Hand(),
            "no slips, tolerance": Hand(as_written, layout, language),
            "slips, no tolerance": Hand(with_slips),
            "slips, tolerance": Hand(with_slips, layout, language),
        }
        for label, hand in () if words_only else hands.items():
            print(f"{label}: {savings(runtime, vocabulary, lines, hand)}", flush=True)
        of_words: dict[tuple[str, str], list[bool]] = defaultdict(list)
        seconds: dict[str, list[float]] = defaultdict(list)
        for number, (word, before, after) in enumerate(contexts(runtime, vocabulary, lines)):
            for label, (typed, right) in words_typed(word, not before).items():
                for asked, whole in {"a beginning": False, "a whole word": True}.items():
                    begin = time.perf_counter()
                    words = search(after, typed, tolerant=True, whole=whole).result().words
                    seconds[f"with it, {asked} of all letters"].append(time.perf_counter() - begin)
                    of_words[label, asked].append(bool(words) and words[0][0] in right)
            if number < TIMED_TEXTS * 5:
                for length in range(1, min(len(word), TIMED_LETTERS) + 1):
                    for asked, tolerant in {"without tolerance": False, "with it": True}.items():
                        begin = time.perf_counter()
                        search(after, word[:length], tolerant)
                        seconds[asked].append(time.perf_counter() - begin)
        report_lists(of_words, seconds)


if __name__ == "__main__":
    typer.run(main)
