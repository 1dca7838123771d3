"""What runs in the other process: the server that has imported jax and flax, and its workers.

Nothing here knows a reference, an expected value or a verdict. This package imports the standard
library, NumPy and, in the server, jax and flax; it is loaded by its path, not as `conformance`.
"""
