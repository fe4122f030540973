"""The errors that this package raises for input that it can't accept.

ModelError
├── ConfigError        a model's configuration makes no sense
├── TokenizerError     a text or a vocabulary that can't be tokenized
├── CheckpointError    a checkpoint that is missing, damaged or of another kind
├── SoundError         a recording that can't be read, or is beyond the limits
├── DataError          training or evaluation data that can't be used
└── TrainingError      training that failed
"""


class ModelError(Exception):
    """Base of all errors of `models`; its text is for the user."""


class ConfigError(ModelError):
    """A configuration value outside its allowed range."""


class TokenizerError(ModelError):
    """A text that can't be encoded, or a tokenizer that can't be built or read."""


class CheckpointError(ModelError):
    """A checkpoint directory that can't be read or written; names the file and the cause."""


class SoundError(ModelError):
    """A recording that can't be read or is beyond the limits; says why, and never quotes it."""


class DataError(ModelError):
    """A data file that can't be trained or evaluated on; names the file and, where known, the line."""


class TrainingError(ModelError):
    """Training can't continue; says at which step, and what to try."""
