"""Inference: models behind three narrow interfaces (`interface.py`), as fast as the device allows.

float.py         the reference: the modules themselves, in float32, bfloat16 or half precision
int8/            on a CPU: 8-bit weights and hidden states, products in whole numbers
cuda_graphs.py   on a GPU: a captured graph for each batch size
counted.py       n-grams and bags of words
build.py         which of them a model gets
"""
