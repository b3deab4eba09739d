"""Personal API tokens: what a program shows to act as a person, within scopes."""
