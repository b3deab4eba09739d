"""Sums of model calls per month, kept where calls are settled."""
