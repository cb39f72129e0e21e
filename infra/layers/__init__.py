"""Third-party layers: installed from hashed locks, pruned, compiled, zipped, weighed and tried; no docker (ADR 14)."""
