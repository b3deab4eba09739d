"""Alembic's scripts: each takes the database one version up, and down again."""
