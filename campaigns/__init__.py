"""Campaigns: many small attacks on the product, counted n/n. Each has a make target; nothing here is deployed."""
