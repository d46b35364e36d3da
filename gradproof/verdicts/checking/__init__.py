"""Checking a gradient of the user's own: as a formula, in floating point, and at points of its own."""
