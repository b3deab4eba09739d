"""How much may happen at once: requests and tokens a minute, and runs side by side."""
