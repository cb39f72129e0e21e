"""From landed bytes to canonical rows, through one declared mapping per source (DECISIONS, Mapping)."""
