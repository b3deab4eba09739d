"""What a run remembers of its nodes: what finished is never done again."""
