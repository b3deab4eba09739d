"""One file a provider; the registry finds them."""
