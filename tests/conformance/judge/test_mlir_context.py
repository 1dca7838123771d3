"""All programs of a worker are lowered with the context that the server made."""

import subprocess
import sys

SCRIPT = """
import threading
from conformance.judge.sandbox import mlir_context
import jax, numpy as np
from jax._src.interpreters import mlir

made = []
make = mlir.make_ir_context
mlir.make_ir_context = lambda: made.append(1) or make()
mlir_context.install()
assert len(made) == 1 and jax._src.xla_bridge._backends == {}, "a backend was started"
one = np.ones(3, np.float32)
print(jax.jit(lambda x: x + 1)(one).tolist(), jax.jit(lambda x: x - 1)(one).tolist(), len(made))
other = threading.Thread(target=lambda: print(jax.jit(lambda x: x + 2)(one).tolist(), len(made)))
other.start()
other.join()
"""


def test_programs_share_the_context_but_those_of_other_threads():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout == "[2.0, 2.0, 2.0] [0.0, 0.0, 0.0] 1\n[3.0, 3.0, 3.0] 2\n", done.stderr
