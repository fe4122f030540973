"""Text: tokenizers, sentences, one-hot vectors."""
