"""The bus that tells others what happens to runs."""
