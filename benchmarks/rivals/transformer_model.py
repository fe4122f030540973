"""A Transformer of the size of OPUS-MT's, with random weights: it can't translate, but costs the same.

Six layers of encoder and decoder, width 512, eight heads, feed-forward width 2,048, 32,000 embeddings
shared by source, target and output; post-norm and swish, as in Marian.
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import extras

LAYERS, HEADS, WIDTH, INNER, VOCABULARY = 6, 8, 512, 2048, 32_000
POSITIONS = 512
SPECIAL = ("<unk>", "<s>", "</s>")
WORDS = tuple(f"w{index}" for index in range(VOCABULARY - len(SPECIAL)))


def build(directory: Path) -> None:
    """Write the model, with weights of 8 bits, unless it is there already."""
    if (directory / "model.bin").exists():
        return
    specs = extras.load("ctranslate2.specs")
    swish = extras.load("ctranslate2.specs.common_spec").Activation.SWISH
    spec = specs.TransformerSpec.from_config((LAYERS, LAYERS), HEADS, pre_norm=False, activation=swish)
    random = np.random.default_rng(0)
    embeddings = _matrix(random, VOCABULARY, WIDTH)
    for stack, table in ((spec.encoder, spec.encoder.embeddings[0]), (spec.decoder, spec.decoder.embeddings)):
        table.weight = embeddings
        stack.position_encodings.encodings = _matrix(random, POSITIONS, WIDTH)
        for layer in stack.layer:
            _fill_layer(random, layer)
    spec.decoder.projection.weight = embeddings
    spec.decoder.projection.bias = np.zeros(VOCABULARY, np.float32)
    spec.decoder.start_from_zero_embedding = True
    spec.config.add_source_eos = True
    spec.register_source_vocabulary([*SPECIAL, *WORDS])
    spec.register_target_vocabulary([*SPECIAL, *WORDS])
    spec.validate()
    spec.optimize(quantization="int8")
    directory.mkdir(parents=True, exist_ok=True)
    spec.save(str(directory))


def _fill_layer(random: np.random.Generator, layer: Any) -> None:
    attentions = [getattr(layer, name) for name in ("self_attention", "attention") if hasattr(layer, name)]
    for attention in attentions:
        # self-attention has one product for queries, keys and values; cross-attention has queries, then keys and values
        widths = (3 * WIDTH, WIDTH) if len(attention.linear) == 2 else (WIDTH, 2 * WIDTH, WIDTH)
        for linear, width in zip(attention.linear, widths, strict=True):
            _fill_linear(random, linear, width, WIDTH)
    _fill_linear(random, layer.ffn.linear_0, INNER, WIDTH)
    _fill_linear(random, layer.ffn.linear_1, WIDTH, INNER)
    for block in (*attentions, layer.ffn):
        block.layer_norm.gamma = np.ones(WIDTH, np.float32)
        block.layer_norm.beta = np.zeros(WIDTH, np.float32)


def _fill_linear(random: np.random.Generator, linear: Any, outputs: int, inputs: int) -> None:
    linear.weight = _matrix(random, outputs, inputs)
    linear.bias = np.zeros(outputs, np.float32)


def _matrix(random: np.random.Generator, rows: int, columns: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return random.standard_normal((rows, columns), np.float32) * np.float32(columns**-0.5)
