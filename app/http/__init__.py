"""The HTTP routes and middleware around the pages."""
