"""`carousel bulk`: files of rows answered with the service's own engine and operations, resumable by part files."""
