"""What is true: of any loss, with proof, and of the documents' systems, derived by hand.

In come a loss, parameters and data; out come the exact gradient (`truth`), what rounding does to it (`noise`)
and what programs' conventions give at a kink (`subgradients`). This room imports no other. Read it in this
order:

1. `numbers/`: plain float64, certified balls, noisy floats, with one set of operations.
2. `tape/`: the table of operations with their derivatives, the namespace `xp` made of it, the tape that
   records a loss on any kind of number and goes back.
3. `truth`, `special_points`, `noise`, `subgradients`: what is computed with them.
4. `lifted/`: plain NumPy code, such as a gradient derived by hand, on balls.
5. `activations`, `losses`, `dense`, `line`, `chain`, `descent`, `numpy_namespace`: gradient descent and
   backpropagation from scratch, without any automatic differentiation; the tape is checked against them.

`source` and `advice` say where in a user's code something happens, and what to write instead; `trees` lays
nested arrays out flat.
"""
