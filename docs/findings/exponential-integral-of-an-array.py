"""`jax.scipy.special.exp1` of the array [1e-20, 0.5] does not end, where it ends for each number alone.

jax 0.4.30 to 0.11.2 on a CPU; 0.12.0 is right. An array is mapped over, and a map of `lax.switch` runs
every branch for every number. The branch for numbers above one is a continued fraction: of 1e-3 it takes
3 ms, of 1e-6 270 ms, and of 1e-20 no end was seen. `expi` calls it.
https://github.com/jax-ml/jax/issues/21760 reports the time that it takes. Exits 1 where it has not ended
after 30 seconds.
"""

import subprocess
import sys

BEGIN = "import jax, jax.numpy as jnp; exp1 = jax.scipy.special.exp1; x = jnp.array([1e-20, 0.5]);"
CALLS = {"each alone": "[float(exp1(each)) for each in x]", "together": "exp1(x).tolist()"}

for name, call in CALLS.items():
    command = [sys.executable, "-c", f"{BEGIN} print('{name}:', {call})"]
    try:
        subprocess.run(command, check=True, timeout=30)
    except subprocess.TimeoutExpired:
        sys.exit(f"{name}: no result after 30 s")
