"""Speeds and memory of the real app: measured and reported, never judged by a test."""
