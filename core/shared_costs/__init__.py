"""Costs that no call has, and the rules by which departments share them."""
