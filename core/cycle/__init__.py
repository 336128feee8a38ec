"""A cycle and its rounds from the beginning to the closing, and what falls due when."""
