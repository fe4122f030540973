"""The offline trainer: from a corpus to a checkpoint that the service loads."""
