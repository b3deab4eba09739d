"""Holds what calls may cost against budgets: reserved before each model call, settled after it."""
