"""The crash kit: kills a workflow's worker at every write, and compares how its runs end."""
