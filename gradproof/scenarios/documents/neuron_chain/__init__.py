"""The three neurons in a row of the second document."""
