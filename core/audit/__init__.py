"""Who did what, from where, with which result: append-only and chained."""
