"""Each time that a schedule or a trigger wants a run: started once, whatever dies in between."""
