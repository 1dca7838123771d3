"""A mapped loop read back from the persistent compilation cache gives the value it started with.

jaxlib 0.5.1, 0.5.3 and 0.6.0 on a CPU; 0.5.0 and 0.6.1 are right. The loop must run eagerly (`jit` around it
is right). jaxlib 0.5.1 and 0.5.3 misread loops of any size, 0.6.0 this one and no smaller one that was tried.
Exits 1 while the two results differ.
"""

import sys
import tempfile

import jax
import jax.numpy as jnp

jax.config.update("jax_compilation_cache_dir", tempfile.mkdtemp())
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)

rows = jnp.arange(40.0).reshape(8, 5)
matrices = jnp.arange(200.0).reshape(8, 5, 5) / 200


@jax.vmap
def times_squared(matrix, row):
    """Row times the matrix squared."""

    def step(carry):
        return carry[0] + 1, carry[1] @ matrix

    return jax.lax.while_loop(lambda carry: carry[0] < 2, step, (0, row))[1]


compiled = times_squared(matrices, rows)
jax.clear_caches()  # as a new process: the program comes from the directory above
read_back = times_squared(matrices, rows)

print("jax", jax.__version__, "jaxlib", jax.lib.__version__)
print("compiled: ", compiled[1])
print("read back:", read_back[1])
print("start:    ", rows[1])
sys.exit(not jnp.allclose(compiled, read_back))
