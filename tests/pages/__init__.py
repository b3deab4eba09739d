"""The ring of pages tests."""
