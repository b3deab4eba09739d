"""The ring of integration tests."""
