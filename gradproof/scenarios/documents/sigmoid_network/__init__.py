"""The 3-4-1 sigmoid network of the third document."""
