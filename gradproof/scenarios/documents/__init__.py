"""The systems of three documents, a folder each: what is computed (system) and what is claimed (claims)."""
