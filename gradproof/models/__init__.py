"""Losses as people have them: a PyTorch module's or a JAX function's forward pass, replayed with `xp`.

What comes in: a model of a framework's, its inputs and a loss of its output. What goes out: a `Scenario`,
whose loss replays the traced graph with any `xp` (so that the tape knows its exact gradient), and whose own
gradient is what the framework's automatic differentiation makes of the model itself.

In the order of reading: `model_graph` (what a front end traces), `replay` (the graph with `xp`), then a front
end: its tracing, and its table from the framework's operations to `xp`.
"""
