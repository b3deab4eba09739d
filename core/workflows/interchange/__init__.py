"""Workflows as files: our own form in JSON and YAML, and projects of CrewAI, in both directions."""
