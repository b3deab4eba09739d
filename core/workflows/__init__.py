"""Workflows: what people draw, save as drafts, and publish in versions that run."""
