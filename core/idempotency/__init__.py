"""Answers kept under an Idempotency-Key, so that a repeated request does nothing twice."""
