"""Workflows that start when another program calls."""
