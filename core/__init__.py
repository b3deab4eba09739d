"""Zoark's core: an ordinary library that owns the database and every rule. It knows no web framework."""
