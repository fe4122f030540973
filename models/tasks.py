"""What each shipped kind of model answers, without importing the models: `carousel models` lists them in a moment."""

TASKS = {
    "language": "language",
    "ngram": "language",
    "classifier": "classifier",
    "bag": "classifier",
    "translator": "translator",
}
