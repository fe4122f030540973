"""What a run shows: progress, plots, model cards, comparisons."""
