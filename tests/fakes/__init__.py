"""Stand-ins for the outside world. Every test ring talks to these, never to what costs money."""
