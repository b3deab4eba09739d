"""Whose run is next: fair turns within the limits of runs side by side."""
