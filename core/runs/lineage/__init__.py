"""Which run belongs to which: to the firing or the node that wanted it."""
