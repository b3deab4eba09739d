"""One file each. A new file with a ``TOOL`` is found by the registry, the contract test and the forms."""
