"""What may be spent: limits for people, departments, keys, agents and the organisation."""
