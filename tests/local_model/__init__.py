"""The ring of local_model tests."""
