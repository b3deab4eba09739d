"""The price book: what a model costs at a moment, and who says so."""
