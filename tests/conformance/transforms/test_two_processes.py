"""Two processes with four devices each: pmap and shard_map over all eight agree with vmap on one."""

import socket
import subprocess
import sys

import jax
import pytest
from packaging.version import Version

PROCESS = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import numpy as np

try:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
except AttributeError:
    pass
number, port = int(sys.argv[1]), sys.argv[2]
jax.distributed.initialize(f"127.0.0.1:{port}", 2, number, initialization_timeout=60)
assert (jax.device_count(), jax.local_device_count()) == (8, 4)

random = np.random.RandomState(0)
w = random.randint(-9, 9, (3, 5)).astype(np.float32)
x = random.randint(-9, 9, (8, 3)).astype(np.float32)


def function(w, x):
    return x @ w + jax.lax.psum(x.sum(), "batch"), jax.lax.axis_index("batch")


def shards(result):
    held = {}
    for shard in result.addressable_shards:
        place = shard.index[0]  # pmap had numbers here before jax 0.8
        start = place if isinstance(place, int) else place.start or 0
        held[start] = np.asarray(shard.data)
    return held


right = jax.vmap(function, (None, 0), axis_name="batch")(w, x)
mine = slice(4 * number, 4 * number + 4)
got = jax.pmap(function, "batch", in_axes=(None, 0))(w, x[mine])
for one, other in zip(got, right):
    held = shards(one)
    assert len(held) == 4, held
    rows = np.concatenate([held[key].reshape(1, *other.shape[1:]) for key in sorted(held)])
    np.testing.assert_array_equal(rows, np.asarray(other)[mine])

from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

mesh = Mesh(np.array(jax.devices()), ("batch",))
placed = jax.make_array_from_callback(x.shape, NamedSharding(mesh, P("batch")), lambda i: x[i])
whole = jax.make_array_from_callback(w.shape, NamedSharding(mesh, P()), lambda i: w[i])
shard_map = getattr(jax, "shard_map", None)
if shard_map is None:
    from jax.experimental.shard_map import shard_map


def local(w, x):
    rows, places = function(w, x[0])
    return rows[None], places[None]


mapped = shard_map(local, mesh=mesh, in_specs=(P(), P("batch")), out_specs=(P("batch"), P("batch")))
for one, other in zip(jax.jit(mapped)(whole, placed), right):
    for place, data in shards(one).items():
        np.testing.assert_array_equal(data[0], np.asarray(other)[place])
print("agrees", number)
"""


@pytest.mark.timeout(180)
@pytest.mark.skipif(
    Version(jax.__version__) < Version("0.7"),
    reason="Gloo was seen to wait for itself on jax 0.4.30, and to connect from 0.7.0 on",
)
def test_maps_over_two_processes_agree_with_vmap() -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(number), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    ended = [process.communicate(timeout=150) for process in running]
    # Gloo talks before the last line.
    assert [out.splitlines()[-1:] for out, _ in ended] == [["agrees 0"], ["agrees 1"]], ended
