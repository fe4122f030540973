"""Tables of grams as sorted arrays, and how a stream of ids is looked up in them.

A gram of k tokens has the key `context * V + token`, where context is the index of its first k - 1 tokens in the
table of grams of k - 1 tokens. The index of a single token is its id. So the tables form a trie whose nodes are
indices, and all that need be known of a text are the nodes of its last 1, 2, … n - 1 tokens: UNSEEN where they never
stood together in the counted text.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

UNSEEN = -1
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]


def find_grams(keys: Ids, contexts: Ids, ids: Ids, vocabulary: int) -> Ids:
    """The indices (N,) among sorted keys of the grams of contexts and ids, (N,) each; UNSEEN where there is none."""
    if not len(keys):
        return np.full(len(ids), UNSEEN)
    targets = contexts * vocabulary + ids
    indices = np.searchsorted(keys, targets)
    indices[indices == len(keys)] = 0
    seen = (contexts != UNSEEN) & (keys[indices] == targets)
    nodes: Ids = np.where(seen, indices, UNSEEN)
    return nodes


def contexts_of(nodes: Ids, cuts: Mask | None = None) -> Ids:
    """The contexts (N,) of the grams one token longer: the node before each; UNSEEN at the first and at cuts (N,)."""
    contexts: Ids = np.concatenate([[UNSEEN], nodes[:-1]])
    if cuts is not None:
        contexts[cuts] = UNSEEN
    return contexts


def walk(tables: Sequence[Ids], ids: Ids, vocabulary: int, end_id: int | None = None) -> Iterator[tuple[Ids, Ids]]:
    """Of the grams of 2, 3, … tokens, whose keys tables are: the contexts and nodes (N,) that end at each of ids (N,).

    Ids are one text, or, with end_id, a stream of texts with that id before the first and after each: a gram may
    begin with it, but none reaches back over it.
    """
    nodes = ids
    after_end = None if end_id is None else np.concatenate([[False], ids[:-1] == end_id])
    for length, keys in enumerate(tables, 2):
        contexts = contexts_of(nodes, after_end if length > 2 else None)
        nodes = find_grams(keys, contexts, ids, vocabulary)
        yield contexts, nodes
