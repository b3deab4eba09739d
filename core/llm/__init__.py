"""Model providers, prices, failures, and the bridge that lets CrewAI use them."""
