"""Contexts made ahead are the ones that JAX lowers with."""

import subprocess
import sys

SCRIPT = """
from conformance.judge.sandbox import mlir_contexts
import jax, numpy as np

mlir_contexts.install()
for _ in range(mlir_contexts.MAX_CONTEXTS):
    mlir_contexts.prepare()
assert len(mlir_contexts._ready) == mlir_contexts.MAX_CONTEXTS and not mlir_contexts.prepare()
assert jax._src.xla_bridge._backends == {}, "a backend was started"
answer = jax.jit(lambda x: x + 1)(np.ones(3, np.float32))
assert len(mlir_contexts._ready) == mlir_contexts.MAX_CONTEXTS - 1, "JAX did not take one"
mlir_contexts._ready.clear()
again = jax.jit(lambda x: x - 1)(np.ones(3, np.float32))
print(answer.tolist(), again.tolist())
"""


def test_a_program_takes_a_context_that_is_ready_and_else_makes_its_own():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout == "[2.0, 2.0, 2.0] [0.0, 0.0, 0.0]\n", done.stderr
