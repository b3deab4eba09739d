"""One file each. A new file with a ``PROVIDER`` is found by the registry, the contract test and the forms."""
