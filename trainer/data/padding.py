"""Padded arrays from ragged ones, without a loop in Python over rows."""

import numpy as np

from trainer.data.store import IdArray


def fill(padded: IdArray, rows: IdArray, column: int, values: IdArray, starts: IdArray, lengths: IdArray) -> None:
    """Copy slices of values (N,) into rows of a padded array (B, T), in place.

    Of each i, padded[rows[i], column : column + lengths[i]] = values[starts[i] : starts[i] + lengths[i]].
    """
    ends = np.cumsum(lengths)
    steps = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    padded[np.repeat(rows, lengths), column + steps] = values[np.repeat(starts, lengths) + steps]


def width_of(lengths: IdArray, multiple: int) -> int:
    """The longest of lengths, rounded up to a multiple."""
    return int(-(-int(lengths.max()) // multiple) * multiple)
