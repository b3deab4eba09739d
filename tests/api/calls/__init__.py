"""One file a noun: how each of its routes is called, and what it answers whom. A new file is found by itself."""
