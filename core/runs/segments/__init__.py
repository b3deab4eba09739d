"""How a run begins, waits, is woken and goes on: each time it is a segment, a durable workflow of its own."""
