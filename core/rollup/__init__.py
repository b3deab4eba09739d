"""Sums of model calls per day and billed month, kept where calls are settled."""
