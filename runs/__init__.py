"""What a run is: its words, its rules, and the journal that records it."""
