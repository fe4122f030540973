"""Replicas behind a balancer as a discrete-event model, with the engine's measured times."""
