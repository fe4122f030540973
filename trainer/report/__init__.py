"""Progress, plots, model cards, comparisons, the table of settings."""
