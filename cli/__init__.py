"""The `errand` command: calls the other packages and renders what they say."""
