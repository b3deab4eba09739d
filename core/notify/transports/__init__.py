"""The ways to hand a mail over: one small file each, found by ``core.notify.registry``."""
