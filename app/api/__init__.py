"""The HTTP face: JSON under /api/v1. It calls the same methods of the core as the pages."""
