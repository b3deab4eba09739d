"""The kinds of keys that are no model providers: one small file each, found by ``core.keys.registry``."""
