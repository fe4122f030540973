"""The other ways to serve the same models. Servers C and D are Carousel.

tutorial.py       A: one request at a time, on the float32 modules
litserve.py       B: LitServe with its batching by request, on the same modules
transformer.py    T: a Transformer under CTranslate2; transformer_model.py makes it, lengths.py has its texts' lengths
reference.py      what A and B use of `models`
"""
