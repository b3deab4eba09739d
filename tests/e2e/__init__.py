"""The ring of e2e tests."""
