"""Whether two losses are one function: which arrays correspond, what the other claims, where they part."""
