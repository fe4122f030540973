"""Files and hubs to rows, rows to ids in memory-mapped arrays."""
