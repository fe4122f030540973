"""What each shipped kind of model answers, without importing the models: `carousel models` lists them in a moment."""

TASKS = {
    "language": "language",
    "transformer": "language",
    "ngram": "language",
    "classifier": "classifier",
    "bag": "classifier",
    "translator": "translator",
    "captioner": "captioner",
    "recognizer": "recognizer",
    "speaker": "speaker",
    "summarizer": "summarizer",
    "image": "image",
}
WITHOUT_LANGUAGE: frozenset[str] = frozenset({"recognizer", "speaker", "image"})
"""Tasks whose default is one for all languages: what they read is no running text, of which a language is detected."""
