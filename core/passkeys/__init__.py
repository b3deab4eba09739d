"""Passkeys (WebAuthn): a way to sign in, a second step and a proof, by a key that never leaves its device."""
