"""Setting an installation up for the first time: how far the administrators have come."""
