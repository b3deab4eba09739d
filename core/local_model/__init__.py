"""What the worker does about the built-in model's weights, as everybody can see it."""
