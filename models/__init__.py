"""Recurrent sequence models in plain PyTorch: they know no service.

Dimension key, used in every shape of this package:

    B  batch (rows)            E  embedding size
    T  time (target) steps     H  hidden size
    S  source steps            L  layers
    V  vocabulary size         C  classes (labels)
"""
