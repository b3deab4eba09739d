"""The departments people and agents belong to."""
