"""How often a text's language is detected, and what that costs: `python -m benchmarks.scripts.languages [FOLDER]`.

On the words and short sentences of tests/languages.tsv; or on those of a folder with de.words, de.sentences and so on,
one a line. Of each language: the percentage that is detected as such where English and Turkish are served, and that
taken for one of these; the microseconds of CPU for a text that is detected for the first time, and again.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.catalog.detection import identify, warm_up
from tests import languages as written

SERVED = ("en", "tr")


def texts_of(folder: Path | None) -> dict[tuple[str, str], list[str]]:
    """Texts by kind and language."""
    if folder is None:
        own = {("words", name): written.words(name) for name in written.LANGUAGES}
        return {**own, **{("sentences", name): written.sentences(name) for name in written.LANGUAGES}}
    files = sorted([*folder.glob("*.words"), *folder.glob("*.sentences")])
    return {(file.suffix[1:], file.stem): file.read_text(encoding="utf-8").splitlines() for file in files}


def microseconds(texts: Sequence[str]) -> float:
    start = time.thread_time()
    for text in texts:
        identify(text, SERVED)
    return (time.thread_time() - start) / len(texts) * 1e6


def main() -> None:
    warm_up()
    texts = texts_of(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    print(
        "| kind | language | right, % | taken for a served one, % | µs, first | µs, again |\n|---|---|---|---|---|---|"
    )
    for (kind, language), lines in texts.items():
        costs = microseconds(lines), microseconds(lines)
        detected = [identify(line, SERVED).language for line in lines]
        right = 100 * sum(name == language for name in detected) / len(lines)
        taken = 100 * sum(name in SERVED and name != language for name in detected) / len(lines)
        print(f"| {kind} | {language} | {right:.1f} | {taken:.1f} | {costs[0]:.0f} | {costs[1]:.0f} |")


if __name__ == "__main__":
    main()
