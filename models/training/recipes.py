"""Named recipes: what to train on and how, so that one command makes each shipped checkpoint again.

File names are relative to the folder of corpora, `--data` or CAROUSEL_DATA.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.training.options import Value


@dataclass(frozen=True)
class Recipe:
    """Defaults for a run; the command line overrides them."""

    kind: str
    languages: tuple[str, ...]
    train: tuple[str, ...]
    valid: tuple[str, ...]
    settings: Mapping[str, Value] = field(default_factory=dict)
    data_note: str = ""
    limits: str = ""


TATOEBA = (
    "Sentence pairs from Tatoeba (tatoeba.org), CC BY 2.0 FR; neither side of tatoeba-test-v2021-08-07 is among them."
)

RECIPES: dict[str, Recipe] = {
    "language-en": Recipe(
        kind="language",
        languages=("en",),
        train=("language/tinystories/train.txt", "translation/tatoeba-en-tr/train.tsv:1"),
        valid=("language/tinystories/valid.txt", "translation/tatoeba-en-tr/dev.tsv:1"),
        settings={
            "vocabulary_size": 6000,
            "embedding": 256,
            "hidden": 512,
            "layers": 2,
            "dropout": 0.1,
            "stripes": 32,
            "chunk_tokens": 32,
            "epochs": 3,
            "learning_rate": 2e-3,
            "warmup_steps": 300,
            "weight_decay": 0.01,
            "average_decay": 0.995,
            "evaluations_per_epoch": 1,
        },
        data_note=(
            "A lower-cased sample of TinyStories (Eldan and Li 2023, arXiv:2305.07759), CDLA-Sharing-1.0, a paragraph "
            "a document, and the English sentences of Tatoeba (tatoeba.org), CC BY 2.0 FR."
        ),
        limits=(
            "Knows children's stories, in lower case, and short everyday sentences. It makes things up, and knows "
            "little of the world."
        ),
    ),
    "language-tr": Recipe(
        kind="language",
        languages=("tr",),
        train=("translation/tatoeba-en-tr/train.tsv:2",),
        valid=("translation/tatoeba-en-tr/dev.tsv:2",),
        settings={
            "vocabulary_size": 6000,
            "embedding": 256,
            "hidden": 448,
            "layers": 2,
            "dropout": 0.2,
            "stripes": 32,
            "chunk_tokens": 32,
            "epochs": 6,
            "learning_rate": 2e-3,
            "warmup_steps": 200,
            "weight_decay": 0.01,
            "average_decay": 0.995,
            "evaluations_per_epoch": 1,
        },
        data_note="The Turkish sentences of Tatoeba (tatoeba.org), CC BY 2.0 FR.",
        limits="Knows short everyday sentences, many of them about a certain Tom; it never saw a longer text.",
    ),
    "sentiment-en": Recipe(
        kind="classifier",
        languages=("en",),
        train=("sentiment/imdb/train.jsonl", "sentiment/sst2/train_phrases.jsonl"),
        valid=("sentiment/imdb/valid.jsonl", "sentiment/sst2/dev.jsonl"),
        settings={
            "vocabulary_size": 12000,
            "lowercase": "en",
            "embedding": 128,
            "hidden": 128,
            "dropout": 0.5,
            "embedding_dropout": 0.3,
            "word_dropout": 0.1,
            "batch_texts": 48,
            "max_tokens": 256,
            "epochs": 5,
            "learning_rate": 2e-3,
            "warmup_steps": 200,
            "weight_decay": 0.02,
            "average_decay": 0.998,
            "evaluations_per_epoch": 2,
        },
        data_note=(
            "Film reviews of IMDB (Maas et al. 2011; its test set was not used) and the phrases of the training "
            "trees of the Stanford Sentiment Treebank (Socher et al. 2013), both published for research."
        ),
        limits=(
            "Judges films; of other matters it knows what film reviews say of them. There is no neutral label. The "
            "validation reviews were drawn from IMDB's training half, so that many are of films that it was trained "
            "on: expect less on films that it never read of."
        ),
    ),
    "sentiment-tr": Recipe(
        kind="classifier",
        languages=("tr",),
        train=("sentiment/reviews-tr/train.jsonl",),
        valid=("sentiment/reviews-tr/valid.jsonl",),
        settings={
            "vocabulary_size": 12000,
            "lowercase": "tr",
            "embedding": 128,
            "hidden": 128,
            "dropout": 0.5,
            "embedding_dropout": 0.4,
            "word_dropout": 0.1,
            "batch_texts": 32,
            "max_tokens": 256,
            "epochs": 8,
            "learning_rate": 2e-3,
            "warmup_steps": 200,
            "weight_decay": 0.02,
            "average_decay": 0.998,
            "evaluations_per_epoch": 1,
        },
        data_note=(
            "Turkish film and shop reviews, published for research: Türkmenoğlu and Tantuğ 2014, Demirtaş and "
            "Pechenizkiy 2013, and a public set of shop reviews."
        ),
        limits="Judges films and goods, mostly as informal Turkish writes of them. There is no neutral label.",
    ),
    "translation-en-tr": Recipe(
        kind="translator",
        languages=("en", "tr"),
        train=("translation/tatoeba-en-tr/train.tsv",),
        valid=("translation/tatoeba-en-tr/dev.tsv",),
        settings={
            "vocabulary_size": 6000,
            "embedding": 256,
            "hidden": 384,
            "dropout": 0.2,
            "word_dropout": 0.05,
            "batch_tokens": 3072,
            "label_smoothing": 0.1,
            "epochs": 5,
            "learning_rate": 2e-3,
            "warmup_steps": 400,
            "weight_decay": 0.01,
            "average_decay": 0.999,
            "evaluations_per_epoch": 2,
        },
        data_note=TATOEBA,
        limits=(
            "Trained on short everyday sentences: long, literary or technical text comes out badly. Many sentences "
            "of Tatoeba are about a certain Tom, and it shows. Turkish *o* has no gender: the pronoun in English is "
            "a guess."
        ),
    ),
}
