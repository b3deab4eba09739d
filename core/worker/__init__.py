"""The background face: executes runs. CrewAI and LangChain live here and nowhere else."""
