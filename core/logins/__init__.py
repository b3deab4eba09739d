"""Logins of the API: a short access token and a refresh token that changes with each use."""
