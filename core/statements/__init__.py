"""The month-end statement: what each department's use costs, split, adjusted, closed and kept."""
