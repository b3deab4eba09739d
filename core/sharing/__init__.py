"""Who else may use what a person owns."""
