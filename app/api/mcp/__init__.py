"""The Model Context Protocol over agents. Only ``server`` loads the SDK."""
