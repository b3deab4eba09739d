"""The ring of api tests."""
