"""UniTok: a small web service on which unicorns post, for the local stack."""
