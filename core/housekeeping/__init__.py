"""What is forgotten of signing in when it is old."""
