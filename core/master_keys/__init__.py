"""The master keys: what is sealed with which, sealing everything anew with a new one, and losing one."""
