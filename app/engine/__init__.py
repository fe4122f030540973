"""The engine: one thread that owns every tensor. It knows no HTTP and no schemas."""
