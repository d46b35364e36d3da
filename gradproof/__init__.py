"""gradproof says whether implementations of gradient descent and backpropagation are right."""
