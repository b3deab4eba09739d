"""Passwords, tokens, sealed secrets, redaction and the guarded way out."""
