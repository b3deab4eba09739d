"""The built-in demo model, to try the desk without a key: fetched on demand, in a child process of its own.

Import the modules themselves; nothing is imported here so that the child process starts light.
"""
