"""People's own model keys: sealed, masked, tested, opened only for a call."""
