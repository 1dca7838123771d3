"""What a file's text shows to be given to calls, each beside a neighbour that shows it not."""

import pytest

from conformance.events.user_code import Operation, Use
from conformance.upgrade.detectors import laws
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you.index import Operations, by_name
from conformance.upgrade.for_you.nearby import nearby
from conformance.upgrade.sources import operations_in
from conformance.upgrade.sources.uses import uses_in
from tests.conformance.upgrade.user_sides import near

ACCEPTED = {"gives": "* of float32[2]", "values": [None]}
REFUSED = {"type": "ValueError", "line": "refused"}
SHOWN = {
    "a key made a NumPy array": (
        "keys = jax.random.split(key, 3)\ny = np.asarray(keys)",
        "data = jax.random.key_data(key)\ny = np.asarray(data)",
    ),
    "a list of lists given": (
        "rows = [[1.0, 2.0], [3.0]]\ny = jnp.hstack(rows)",
        "rows = [jnp.ones(2), jnp.ones(1)]\ny = jnp.hstack(rows)",
    ),
    "a layout without a mesh": (
        "init = nnx.with_partitioning(ones, ('a',))",
        "jax.set_mesh(mesh)\ninit = nnx.with_partitioning(ones, ('a',))",
    ),
    "a layout without a mesh, by a keyword": (
        "init = nnx.with_metadata(ones, sharding=('a',))",
        "init = nnx.with_metadata(ones, note='a')",
    ),
    "a carry started without streams": (
        "carry = cell.initialize_carry((1, 2))",
        "carry = cell.initialize_carry((1, 2), rngs)",
    ),
    "a kind of sharding asked for": (
        "name = type(y.sharding).__name__",
        "name = type(y.data).__name__",
    ),
    "an array as a dtype": (
        "labels = jnp.array([1])\ny = jnp.zeros(3, dtype=labels)",
        "def f(labels):\n    return jnp.zeros(3, dtype=labels)\nlabels = jnp.array([1])",
    ),
    "a number as a key": (
        "@jax.jit\ndef f(x):\n    seen[x] = 1\n    return x",
        "@functools.partial(jax.jit, static_argnums=0)\ndef f(x):\n    seen[x] = 1\n    return 1",
    ),
    "an object that is an array": (
        "class A:\n    def __jax_array__(self):\n        return self.a",
        "class A:\n    def __array__(self):\n        return self.a",
    ),
    "an object that is an array, made a tree": (
        "@dataclasses.dataclass\nclass A:\n    def __jax_array__(self):\n        return self.a",
        "@struct.dataclass\nclass A:\n    def __jax_array__(self):\n        return self.a",
    ),
    "an object that is an array, registered": (
        "class A:\n    def __jax_array__(self):\n        return self.a",
        "class A:\n    def __jax_array__(self):\n        return self.a\nregister_dataclass(A)",
    ),
    "a pmap within a jit, of functions": (
        "def a():\n    @jax.pmap\n    def f(x):\n        return x\n    return jax.jit(f)",
        "@jax.jit\ndef f(x):\n    return x\ndef a():\n    @jax.pmap\n    def f(x):\n        return x",
    ),
    "vjp of a NumPy array": (
        "x = np.ones(2)\ny, pull = jax.vjp(f, x)",
        "import jax.numpy as np\nx = np.ones(2)\ny, pull = jax.vjp(f, x)",
    ),
    "cho_solve of a stack of matrices": (
        "c = jnp.linalg.cholesky(jax.vmap(k)(x))\ny = cho_solve((c, True), b)",
        "c = jnp.linalg.cholesky(k(x))\ny = cho_solve((c, True), b)",
    ),
    "solve_triangular of a stack of matrices": (
        "a = jnp.ones((2, 3, 3)) + e\ny = solve_triangular(a, b)",
        "a = jnp.ones((2, 3, 3)) + e\ny = solve_triangular(a, b[..., None])",
    ),
    "solve of a stack of matrices, by einsum": (
        "k = jnp.einsum('ni,nj->nij', a, a)\ny = jnp.linalg.solve(k, b)",
        "k = jnp.einsum('ni,nj->ij', a, a)\ny = jnp.linalg.solve(k, b)",
    ),
    "solve of a stack of matrices, reshaped": (
        "y = jnp.linalg.solve(k.reshape(-1, 3, 3), b)",
        "y = jnp.linalg.solve(k.reshape(3, 3), b)",
    ),
    "solve of a stack of matrices, turned": (
        "k = jnp.transpose(k, (0, 2, 1))\ny = jnp.linalg.solve(k, b)",
        "k = jnp.transpose(k, (1, 0))\ny = jnp.linalg.solve(k, b)",
    ),
    "solve of a stack of matrices, one more axis": (
        "y = jnp.linalg.solve(g + jnp.eye(3)[None], b)",
        "y = jnp.linalg.solve(g + jnp.eye(3)[1:], b)",
    ),
    "solve of a stack of matrices, of a map": (
        "f = jax.vmap(g)\nk = f(x)\ny = jnp.linalg.solve(k, b)",
        "f = jax.jit(g)\nk = f(x)\ny = jnp.linalg.solve(k, b)",
    ),
    "a product and a square": (
        "y = jnp.sum((m @ x) ** 2)",
        "y = jnp.sum((m @ x) ** 3)",
    ),
    "a product and a square, of a function that is named": (
        "def f(x):\n    return m @ x\ndef g(x):\n    return jnp.sum(f(x) ** 2)",
        "def f(x):\n    return m @ x\ndef g(x):\n    return jnp.sum(x ** 2)\ndef h(x):\n    return f(g(x))",
    ),
    "a number mapped": ("y = jax.vmap(f)(2.0)", "y = jax.vmap(f)(x)"),
    "a pmap within a jit": (
        "@jax.pmap\ndef f(x):\n    return x\n@jax.jit\ndef g(x):\n    return f(x)",
        "@jax.pmap\ndef f(x):\n    return x\n@jax.jit\ndef g(x):\n    return x\ny = f(g(x))",
    ),
    "a layout by columns": ("spec = P(None, 'i')", "spec = P('i', None)"),
    "trim_zeros of vectors": ("y = jnp.trim_zeros([0, 1, 0])", "y = jnp.trim_zeros([[0], [1]])"),
    "None among leaves": (
        "y = jax.tree.map(f, None, x)",
        "y = jax.tree.map(f, {'a': None}, {'a': None})",
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_given_is_shown_beside_a_neighbour(name: str) -> None:
    does, neighbour = (
        {each.name for each in operations_in(source, "a.py")} for source in SHOWN[name]
    )
    assert name.partition(",")[0] in does
    assert name.partition(",")[0] not in neighbour


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", True),
        (", cell.rngs", True),
        (", rngs=cell.rngs", True),
        (", rngs", False),
        (", self.rngs", False),
    ],
)
def test_a_carry_from_the_cells_own_streams_is_one_without(given: str, found: bool) -> None:
    done = operations_in(f"carry = cell.initialize_carry((1, 2){given})", "a.py")
    assert ("a carry started without streams" in {each.name for each in done}) is found


def test_none_among_the_axes_of_a_lift_is_no_leaf() -> None:
    for text, found in (
        ("nn.vmap(A, variable_axes={'params': None})", False),
        ("f({'w': None})", True),
    ):
        assert ("None among leaves" in {e.name for e in operations_in(text, "a.py")}) is found


def test_none_in_a_list_that_becomes_an_array_is_no_leaf() -> None:
    found = {each.name for each in operations_in("y = jnp.array([1.0, None])", "a.py")}
    assert found == {"an array of None", "array of a list"}


@pytest.mark.parametrize(
    ("key", "name", "operation"),
    [
        ("jax.pmap/shard-of-a-result", "jax.pmap", "an object: .addressable_shards"),
        ("jax.vmap/plain-numpy.hstack-list", "jax.numpy.hstack", "a list of lists given"),
        ("flax.nnx.vmap/cell-carry-without-streams", "flax.nnx.GRUCell", None),
        ("jax.vmap/plain-jit-of-an-object-that-is-an-array", "jax.jit", None),
        ("flax.nnx.vmap/annotated-by-with-partitioning-in-nothing", None, None),
    ],
)
def test_a_refusal_is_near_who_gives_what_is_refused(
    key: str, name: str | None, operation: str | None
) -> None:
    shown = {
        "cell-carry-without-streams": "a carry started without streams",
        "plain-jit-of-an-object-that-is-an-array": "an object that is an array",
        "annotated-by-with-partitioning-in-nothing": "a layout without a mesh",
    }
    use = Use(file="a.py", line=4, name=name or "flax.nnx.with_partitioning", positional=1)
    done = Operation(file="a.py", line=4, name=operation or shown[key.partition("/")[2]])
    change = {f"calls/{key}": ACCEPTED}, {f"calls/{key}": REFUSED}
    assert near((use,), *change) == []
    ((where, what, _),) = near((use,), *change, (done,))
    assert (where, what) == ("a.py:4", use.name)


def test_a_layout_of_a_variable_is_near_who_gives_it_without_a_mesh() -> None:
    key = "calls/flax.nnx.vmap/annotated-by-sharding-in-nothing"
    for text, lines in (
        ("v = nnx.Param(x, sharding=('a',))", 1),
        ("with mesh:\n    v = nnx.Param(x, sharding=('a',))", 1),
        ("with jax.set_mesh(mesh):\n    v = nnx.Param(x, sharding=('a',))", 0),
        ("v = nnx.Param(x, sharding=('a',), eager_sharding=False)", 0),
        ("v = jax.ShapeDtypeStruct(s, d, sharding=p)", 0),
    ):
        source = f"import jax\nfrom flax import nnx\n{text}\n"
        uses = tuple(uses_in(source, "a.py"))
        done = tuple(operations_in(source, "a.py"))
        assert len(near(uses, {key: ACCEPTED}, {key: REFUSED}, done)) == lines


def test_the_kind_of_a_sharding_is_near_who_asks_for_it() -> None:
    key = "calls/jax.pmap/kind-of-sharding"
    was, now = (
        {"gives": "* of str", "values": [kind]} for kind in ("PmapSharding", "NamedSharding")
    )
    use = Use(file="a.py", line=4, name="jax.pmap", positional=1)
    asks = (Operation(file="a.py", line=6, name="a kind of sharding asked for"),)
    assert near((use,), {key: was}, {key: now}) == []
    assert [line[0] for line in near((use,), {key: was}, {key: now}, asks)] == ["a.py:6"]


def test_edges_are_not_near_a_call_of_other_numbers() -> None:
    key = "calls/jax.vmap/at-edges-gamma"
    use = Use(file="a.py", line=1, name="jax.scipy.special.gamma", positional=1)
    for numbers, lines in (("0.5, 2.5", 0), ("-1.0, 2.5", 1)):
        source = f"y = jax.scipy.special.gamma(jnp.array([{numbers}]))"
        done = tuple(operations_in(source, "a.py"))
        assert len(near((use,), {key: ACCEPTED}, {key: REFUSED}, done)) == lines


def test_what_is_chosen_by_the_function_now_is_no_other_default() -> None:
    key = "defaults/flax.nnx.GRUCell"
    use = Use(file="a.py", line=4, name="flax.nnx.GRUCell", positional=2)
    for now, lines in (("None", 0), ("ones", 1)):
        said = near((use,), {key: {"carry_init": "zeros"}}, {key: {"carry_init": now}})
        assert len(said) == lines


def test_what_jit_does_to_a_pmap_is_near_who_compiles_one() -> None:
    item = "mapping.jit-agrees | jax.pmap | square"
    use = Use(file="a.py", line=4, name="jax.pmap", positional=1)
    cause = f"{laws.KNOWN}pmap-in-jit-zeros"
    entry = Difference(laws.FIXED, item, "a known defect is gone", cause=cause)
    assert list(nearby(by_name([use]), [entry])) == []
    compiles = Operations([Operation(file="a.py", line=6, name="a pmap within a jit")])
    assert len(list(nearby(by_name([use]), [entry], operations=compiles))) == 1


def test_explicit_axes_are_said_with_what_to_write_to_who_does_not_choose() -> None:
    key = "calls/jax.vmap/plain-make_mesh-kinds-of-axes"
    was, now = ({"gives": "* of str", "values": [f"axes are {k}"]} for k in ("Auto", "Explicit"))
    use = Use(file="a.py", line=4, name="jax.make_mesh", positional=2)
    ((_, _, said),) = near((use,), {key: was}, {key: now})
    assert said.startswith("the axes are Explicit now")
    assert "AxisType.Auto" in said
    chosen = Use(file="a.py", line=4, name="jax.make_mesh", keywords=("axis_types",))
    assert near((chosen,), {key: was}, {key: now}) == []


def test_an_array_for_a_dtype_is_near_who_gives_one_whatever_the_function() -> None:
    key = "calls/jax.vmap/plain-each-numpy.array-matrices"
    use = Use(file="a.py", line=4, name="jax.numpy.array", positional=1)
    given = (Operation(file="a.py", line=4, name="an array as a dtype"),)
    no_dtype = {
        "type": "ValueError",
        "line": "Passing an array as a dtype argument is no longer ...",
    }
    assert near((use,), {key: ACCEPTED}, {key: no_dtype}) == []
    assert len(near((use,), {key: ACCEPTED}, {key: no_dtype}, given)) == 1
    assert len(near((use,), {key: ACCEPTED}, {key: REFUSED})) == 1
