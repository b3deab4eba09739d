"""Runs: asked for by people, executed by a worker, watched by anybody who may."""
