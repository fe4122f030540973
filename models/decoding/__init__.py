"""From a model's scores to text: beam search, and whole words from pieces."""
