"""From the command line to a checkpoint."""
