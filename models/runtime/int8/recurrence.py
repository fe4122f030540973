"""The recurrence of a bidirectional LSTM layer over one text, in int8, compiled by Numba.

A step is a small product and an LSTM's cell, and needs the step before it. As operations of a graph, each of the dozen
that a step consists of costs more than its arithmetic, unless many texts share it. Compiled into one loop, a text by
itself runs at the speed of its multiplications, so nothing is gained by a batch: what was measured is in
docs/decisions/compiled-recurrence.md.

Scales are fixed and sums are of whole numbers, as in `quantization`. Contraction of products and sums is off, so that
CPUs with and without fused multiply-adds compute the same bits.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numba import float32, int32, njit
from numpy.typing import NDArray

from models.runtime.int8.quantization import STEPS

BLOCK = 128
"""Columns of a weight's block: the compiler keeps the sum over a block of fixed size in registers."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])
Array = NDArray[np.float32]


def compiled(function: FunctionT) -> FunctionT:
    """Compile a function at its first call, without Python's lock.

    The code is kept on disk where Python keeps its bytecode beside this file; no other folder is written.
    """
    keeps = not sys.dont_write_bytecode and os.access(Path(__file__).parent, os.W_OK)
    return cast(FunctionT, njit(nogil=True, error_model="numpy", cache=keeps)(function))


@compiled
def tanh_of_double(half: np.float32) -> np.float32:
    """tanh(2 half), within 2e-7.

    tanh(2y) = 2nd / (n² + d²), where n/d approximates tanh(y): the continued fraction of Lambert (1768), cut at its
    seventh term, which is exact to float32 for |y| < 4. Beyond that, 1 is.
    """
    half = min(max(half, float32(-4.0)), float32(4.0))
    square = half * half
    above = half * (float32(135135.0) + square * (float32(17325.0) + square * (float32(378.0) + square)))
    below = float32(135135.0) + square * (float32(62370.0) + square * (float32(3150.0) + square * float32(28.0)))
    return float32(2.0) * above * below / (above * above + below * below)


@compiled
def multiply(weight: NDArray[np.int16], hidden: NDArray[np.int16], sums: NDArray[np.int32]) -> None:
    """sums (4H,) = weight (4H, N, BLOCK) times hidden (N, BLOCK).

    The loop is a function of its own, and 16 bits wide, because LLVM then multiplies and adds pairs in one instruction.
    """
    for row in range(weight.shape[0]):
        total = int32(0)
        for block in range(weight.shape[1]):
            left, right = weight[row, block], hidden[block]
            for column in range(BLOCK):
                total += int32(left[column]) * int32(right[column])
        sums[row] = total


@compiled
def run_direction(
    inputs: Array, rows: NDArray[np.int64], weight: NDArray[np.int16], scale: Array, direction: int, hidden: Array
) -> None:
    """Run a direction of a layer, 0 forward or 1 backward, over a text of T tokens; write its half of hidden (T, 2H).

    inputs (N, 8H) has the part of both directions' gates that does not depend on a hidden state, in the order input,
    forget, output, candidate; that of a token is in the row that rows (T,) has for it. weight (4H, M, BLOCK) with scale
    (4H,) multiplies the hidden states; its columns beyond H are 0.
    """
    steps, size = len(rows), len(scale) // 4
    blocks = np.zeros((weight.shape[1], BLOCK), np.int16)
    quantized = blocks.reshape(-1)
    cell = np.zeros(size, np.float32)
    gates = np.empty(4 * size, np.float32)
    sigmoids, candidate = gates[: 3 * size], gates[3 * size :]
    input_gate, forget_gate, output_gate = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size]
    sums = np.empty(4 * size, np.int32)
    for step in range(steps):
        position = steps - 1 - step if direction else step
        part = inputs[rows[position], 4 * size * direction : 4 * size * (direction + 1)]
        output = hidden[position, size * direction : size * (direction + 1)]
        multiply(weight, blocks, sums)
        for unit in range(4 * size):
            gates[unit] = part[unit] + scale[unit] * float32(sums[unit])
        for unit in range(3 * size):
            sigmoids[unit] = float32(0.5) + float32(0.5) * tanh_of_double(float32(0.25) * sigmoids[unit])
        for unit in range(size):
            candidate[unit] = tanh_of_double(float32(0.5) * candidate[unit])
        for unit in range(size):
            cell[unit] = forget_gate[unit] * cell[unit] + input_gate[unit] * candidate[unit]
        for unit in range(size):
            output[unit] = output_gate[unit] * tanh_of_double(float32(0.5) * cell[unit])
        for unit in range(size):
            quantized[unit] = np.rint(output[unit] * float32(STEPS))
