"""One lane for each kind of work: a step of a lane runs a batch of it."""
