"""Executes a graph of nodes: the graph is ours, CrewAI runs the agent inside a node."""
