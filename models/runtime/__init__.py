"""The same weights made fast, behind three narrow interfaces (`interface.py`).

float.py      the reference: the modules themselves, in float32, bfloat16 or half precision
int8.py       on a CPU: 8-bit weights and memories, products in whole numbers
graphs.py     on a GPU: one captured graph a step
build.py      which of them a model gets
"""
