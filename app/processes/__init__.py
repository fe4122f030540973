"""HTTP and the engine in processes of their own, on one machine: `docs/architecture.md` has a picture."""
