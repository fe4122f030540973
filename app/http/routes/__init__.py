"""The native routes, one file for each resource."""
