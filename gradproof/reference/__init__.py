"""What is true: gradient descent and backpropagation from scratch in NumPy, derived by hand.

No automatic differentiation is used by the hand-derived modules (`activations`, `losses`, `dense`,
`line`, `chain`, `descent`); the tape and its kinds of number (`tape`, `numbers`) stand beside them
and are checked against them. This room imports no other room.
"""
