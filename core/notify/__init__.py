"""E-mail: written into the outbox with what it is about, sent by the worker."""
