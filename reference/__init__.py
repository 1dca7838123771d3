"""What is expected: loops, layers, cells, initialisers and key derivation in pure JAX.

Nothing here imports Flax or calls a mapping transform; every function is meant to be too simple to
be wrong, and is compared with closed forms in `tests/reference/`.
"""
