"""Budgets that hold: reserved before each model call, settled after it."""
