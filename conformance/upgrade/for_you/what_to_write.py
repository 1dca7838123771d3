"""What changed, and what to write: said of calls that a file's text shows."""

HELD = (
    "a list, tuple or dict of modules or arrays is no attribute of a module any more: make it "
    "nnx.List(...) or nnx.Dict(...), or mark it with nnx.data(...)"
)
ADDED = (
    "modules and Variables that a method adds to a plain list or dict are silently left out of nnx.state "
    "since flax 0.12.5, so that they are not trained and not saved: make it nnx.List([]) or nnx.Dict({})"
)
OWN_STREAM = (
    "the same seed drops other elements: since flax 0.11, a Dropout keeps a stream of its own, split from "
    "the one that it is given"
)
DRAWS = (
    "since flax 0.11, it draws a key from the stream that it is given when it is made: what is made after it "
    "from the same stream starts with other values. A stream for it, as in nnx.Rngs(0, {}=1), keeps them"
)
SPLIT_ONCE = (
    "a Dropout that is made within a map keeps its streams, split as they are: call it in a map without "
    "splitting them again. A module that keeps the streams itself keeps them so where it keeps rngs.fork()"
)
UNDER_A_MESH = (
    "a layout needs a mesh now: make the layer under jax.set_mesh(mesh), which `with mesh:` is not, or "
    "give {} eager_sharding=False"
)
EXPLICIT = (
    "the axes are Explicit now: arrays carry their layout, and what leaves that of a result open raises "
    "ShardingTypeError. axis_types=(jax.sharding.AxisType.Auto,) * n gives what it was"
)
STACKED_BY_JAX = (
    "gives JAX's arrays since flax 0.12.1, where it gave NumPy's: nothing can be assigned to their items, "
    "and of Python's floats they are float32. numpy.asarray of each is one of NumPy's"
)
GATHERED_FROM_ONE = (
    "in a program of one process, the result has a new first axis of length 1 since jax 0.5.0: index it, or "
    "give tiled=True, which joins the arrays of all processes along their own first axis"
)
EQUAL_TO_NO_TUPLE = (
    'a PartitionSpec is equal to no tuple now: `spec == ("x",)` is False. Compare it with '
    "PartitionSpec(...), or tuple(spec) with the tuple"
)
