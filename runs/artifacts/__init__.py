"""Where large values and a run's files are kept: one port, and an adapter for each store."""
