"""What model calls used and cost: one row per call."""
