"""POST /vectorize."""

from collections import Counter
from collections.abc import Sequence

from fastapi import Response

from app.errors import InvalidRequest
from app.http.contract import TOKENIZE_SHARE
from app.http.dependencies import ClientDep, RegistryDep
from app.http.replies import chunked
from app.http.schemas.base import as_list
from app.http.schemas.vectorize import TextVectors, VectorizeReply, VectorizeRequest, WordCount
from models.text.tokenizers import Tokenizer
from models.text.vectors import bag_of_words, one_hot, split_words, vocabulary_of

MAX_NUMBERS = 1_000_000
"""Maximum size of all one-hot vectors of a reply."""


async def vectorize(body: VectorizeRequest, registry: RegistryDep, client: ClientDep) -> Response:
    """Turn texts into the vectors of an introductory lecture: a vocabulary of their words in order of appearance, the
    index of each word, a one-hot vector for each word, and for each text their sum, its bag of words.

    Texts with the same words in another order have the same bag. With a model, tokens and indices are those of the
    model, and only the entries that are not zero are returned, since its vectors are long.
    """
    texts = as_list(body.text)
    tokenizer = None if body.model is None else registry.get(body.model).tokenizer
    if tokenizer and body.lowercase:
        raise InvalidRequest("the model decides about the letters; leave out one of both", "lowercase")
    await client.charge(sum(map(len, texts)) / TOKENIZE_SHARE)
    return await chunked(lambda: _vectorize(texts, tokenizer, body), exclude_none=True)


def _vectorize(texts: Sequence[str], tokenizer: Tokenizer | None, body: VectorizeRequest) -> VectorizeReply:
    if tokenizer:
        tokenized = [tokenizer.tokens(text) for text in texts]
        pairs = [([token.text for token in tokens], [token.id for token in tokens]) for tokens in tokenized]
        vectors = [
            TextVectors(words=words, indices=ids, one_hot=None, bag=None, counts=_counts(words, ids))
            for words, ids in pairs
        ]
        return VectorizeReply(model=body.model, size=tokenizer.size, vocabulary=None, texts=vectors)
    split = [split_words(text, body.lowercase or "") for text in texts]
    vocabulary = vocabulary_of(split)
    size, numbers = len(vocabulary), len(vocabulary) * sum(map(len, split))
    if numbers > MAX_NUMBERS:
        detail = f"one-hot vectors of {numbers:,} numbers in all; {MAX_NUMBERS:,} are the most: send fewer words"
        raise InvalidRequest(detail, "text")
    index_of = {word: index for index, word in enumerate(vocabulary)}
    vectors = []
    for words in split:
        ids = [index_of[word] for word in words]
        counts = _counts(words, ids)
        vectors.append(
            TextVectors(
                words=words, indices=ids, one_hot=one_hot(ids, size), bag=bag_of_words(ids, size), counts=counts
            )
        )
    return VectorizeReply(model=None, size=size, vocabulary=vocabulary, texts=vectors)


def _counts(words: Sequence[str], indices: Sequence[int]) -> list[WordCount]:
    word_at = dict(zip(indices, words, strict=True))
    counts = Counter(indices)
    return [WordCount(index=index, word=word_at[index], count=counts[index]) for index in sorted(word_at)]
