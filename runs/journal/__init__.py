"""Where runs are recorded: one port, and an adapter for each store."""
