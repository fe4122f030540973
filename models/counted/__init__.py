"""Models that are counted rather than trained by gradient descent."""
