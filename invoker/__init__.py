"""Lambda handlers that hand runs to the agent, and nothing else."""
