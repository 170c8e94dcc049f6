"""Where letters are sent to."""
