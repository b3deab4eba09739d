"""One file a noun, each with its ``router``; a new file is found by itself."""
