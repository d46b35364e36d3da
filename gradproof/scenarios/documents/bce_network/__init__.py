"""The network with ReLU, sigmoid and binary cross-entropy of the first document."""
