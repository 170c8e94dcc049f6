"""Model providers: which one `ERRAND_MODEL` names, how each is built, and what its calls cost."""
