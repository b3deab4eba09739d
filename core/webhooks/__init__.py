"""Outgoing webhooks: other programs are told what happens here, signed, at least once."""
