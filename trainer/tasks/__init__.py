"""What is trained: batches, loss and validation of each kind of model."""
