"""What people can begin with instead of an empty page."""
