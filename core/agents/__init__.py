"""Agents: a role, a goal, a model, a few tools and limits."""
