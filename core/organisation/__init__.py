"""What administrators set in the app about signing in; everything else is an environment variable."""
