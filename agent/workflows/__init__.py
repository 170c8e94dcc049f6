"""The workflows that ship: one module each, and a line in `registry.toml`."""
