"""What processes tell about themselves while they work: logs, metrics, traces."""
