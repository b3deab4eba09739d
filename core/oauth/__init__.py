"""Signing in with an account elsewhere, and keeping the connection to it."""
