"""The line through points of the second document."""
