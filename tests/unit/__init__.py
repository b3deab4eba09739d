"""The ring of unit tests."""
