"""What sources do with objects whose type their text does not say."""

import pytest

from conformance.upgrade.sources import operations_in

FOUND = {
    "with mesh:\n    run()": "an object entered",
    "with Mesh(devices, 'i'):\n    run()": "an object entered",
    "ok = spec == ('data', None)": "a tuple compared",
    "ok = spec in (('data',), P('data'))": "a tuple compared",
    "ok = ('data',) in specs": "a tuple compared",
    "ok = isinstance(spec, (list, tuple))": "a tuple asked for",
    "self.assertEqual(spec, ('data', None))": "a tuple compared",
    "spec = spec + (None,)": "a tuple asked for",
    "ok = isinstance(v, nnx.VariableState)": "a kind asked for",
    "ok = type(v).__name__": "a kind asked for",
    "a.w = nnx.Param(x)\nok = a.w == b.w": "Variables compared",
    "w = nnx.BatchStat(x)\nok = w != y": "Variables compared",
    "class Count(nnx.Variable):\n    pass\nn = Count(0)\nok = n == other": "Variables compared",
    "class Count(nnx.Variable[int]):\n    pass\nn = Count(0)\nok = n == other": "Variables compared",
    "w = dense.kernel\nok = w == other": "Variables compared",
    "s.shape = (3,) + s.shape": "a shape set",
    "g = jax.vmap(jax.jit(f))\nlow = g.lower(x)": "a wrapped function lowered",
    "low = jax.grad(f).lower(x)": "a wrapped function lowered",
    "def f(x):\n    if x not in cache:\n        cache[x] = sin(x)": "a number as a key",
    "key = hash(x)": "a number as a key",
    "n = len(jax.tree.leaves(params.values()))": "an iterator as a tree",
    "n = len(jax.tree.leaves(model))": "a module as a tree",
    "tree = {'w': None}": "None among leaves",
    "new = jax.tree.map(lambda a, b: b if a is None else a, old, x)": "None among leaves",
    "name = str(jax.devices()[0])": "a device as text",
    "name = f'{device}'": "a device as text",
    "n = len(tree_leaves(map(f, params)))": "an iterator as a tree",
    "for device in jax.devices():\n    print(f'on {device}')": "a device as text",
    "name = str(jax.local_devices())": "a device as text",
    "n = sum(e.primitive.name == 'pjit' for e in eqns)": "pjit named",
    "rule = rules[eqn.primitive]\ny = rule(*xs, **eqn.params)": "equations taken apart",
    "z = jnp.zeros(3, dtype=x)": "an array as a dtype",
    "def f(x=None):\n    return jnp.array(x)": "an array of None",
    "def f(x=None):\n    return jnp.array(x)\ndef g(x):\n    return x is None": "an array of None",
    "def f(*, x=None):\n    return jnp.array([1, x])": "an array of None",
    "def f(x):\n    return jnp.array(x)\ny = f(None)": "an array of None",
    "def f(a, x):\n    return jnp.array(x)\ny = f(1, x=None)": "an array of None",
    "losses = [None]\na = jnp.array(losses)": "an array of None",
    "losses = []\nlosses.append(None)\na = jnp.array(losses)": "an array of None",
    "x = found.get('x')\na = jnp.asarray(x)": "an array of None",
    "z = jnp.clip(jnp.fft.fft(x), 0, 1)": "complex numbers",
    "z = jnp.clip(1j * x, 0, 1)": "complex numbers",
    "n = jnp.size([a, b])": "size of a list",
    "xs = []\nfor x in y:\n    xs.append(x)\nn = jnp.size(xs)": "size of a list",
    "n = jnp.size(list(y))": "size of a list",
    "n = len(list(model.iter_modules()))": "iter_modules called",
    "n = len(list(nnx.iter_children(model)))": "iter_children called",
    "ok = issubclass(t, jax.Array)": "a class asked for",
    "m = (a < n).astype(float)\ns = jnp.sum(x, where=m)": "numbers given as where",
    "@f.register(jax.Array)\ndef g(x):\n    return x": "a class asked for",
    "n = len(jax.tree.leaves({'m': models}))": "a module as a tree",
    "k = jax.random.randint(key, (2,), 0, 9, jnp.uint8)": "uint8 named",
    "k = jax.random.randint(key, (2,), 0, 9, 'int16')": "int16 named",
    "e = nn.Embed(1, 4)": "an embedding of one",
    "e = nn.Embed(features=4, num_embeddings=1)": "an embedding of one",
    "model.n += 1": "an attribute changed in place",
    "m = nnx.split_rngs(splits=3)(make)(rngs)\ny = nnx.split_rngs(splits=3)(run)(m)": "streams split again",
    "y = norm(x, mask=m)": "a mask given",
    "n = lax.top_k(3.0, 1)": "top_k given a number",
    "n = lax.top_k(x.reshape(-1), 1)": "reshape given a number",
    "k = jnp.ones((4, 3, 3))\ny = jnp.linalg.solve(k, b)": "solve of a stack of matrices",
    "class M:\n    def __init__(self):\n        self.l = [Linear() for _ in x]": "a container held",
    "class M:\n    def __init__(self):\n        self.l = []\n        self.l.append(Linear())": (
        "a container held"
    ),
    "class M:\n    def __init__(self):\n        self.l = {}\n        self.l['a'] = Linear()": (
        "a container held"
    ),
    "class M:\n    def __init__(self):\n        a = [Linear()]\n        self.l = a": (
        "a container held"
    ),
    "class M:\n    def __init__(self):\n        self.h = None\n    def f(self, x):\n        self.h = x": (
        "an array set on a module later"
    ),
}
_FILLS = (
    "class M({}):\n    def __init__(self):\n        self.l = {}\n    def grow(self):\n        {}"
)
"""A class whose method does something, with its base and what it starts with."""
FOUND |= {
    _FILLS.format(*each): "a container filled by a method"
    for each in (
        ("nnx.Module", "[]", "self.l.append(self.make())"),
        ("Base", "{}", "self.l['a'] = make(self)"),
        ("nnx.Module", "list()", "self.l.extend([make()])"),
    )
}
_HOLDS = "class M:\n    def __init__(self, {}):\n        self.l = {}\nm = M({})"
"""A class that keeps what it is given, and what it is given."""
FOUND |= {
    _HOLDS.format(*each): "a container held"
    for each in (
        ("layers", "layers", "[Linear(), Linear()]"),
        ("layers", "list(layers)", "[Linear() for _ in x]"),
        ("n, layers", "tuple(layers)", "2, layers=[Linear()]"),
        ("*layers", "list(layers)", "Linear(), Linear()"),
        ("**layers", "dict(**layers)", "a=Linear(), b=Linear()"),
        ("*args, **kwargs", "dict(*args, **kwargs)", "a=Linear()"),
    )
}
NOT_FOUND: tuple[str, ...] = (
    "class Counts(list[nnx.Variable]):\n    pass\nn = Counts()\nok = n == other",
    "y = jnp.linalg.solve(j.T @ j, j.T @ g)",
    "k = jnp.ones((4, 3, 3))\ny = jnp.linalg.solve(k, f[..., None])[..., 0]",
    "state = TrainState(model.params)\nname = eqn.primitive.name",
    "s = jnp.sum(x, where=mask[..., None])",
    "def f(where):\n    return jnp.sum(x, where=where)",
    "m = jnp.ones(3, dtype=bool)\ns = jnp.sum(x, where=m)",
    "n = max(map(lambda x: len(x), names.values()))",
    "n = functools.reduce(math.gcd, (m for m, _ in irreps))",
    "from ._filters import filter\nn = jax.tree.leaves(filter(x, is_array))",
    "y = jax.tree.map(f, jax.tree.map(g, x))",
    "y = list(map(run, models))",
    "ok = issubclass(t, Constraint)",
    "ok = issubclass(x.dtype, np.ndarray)",
    "ok = isinstance(x, nnx.State)",
    "ok = isinstance(x, jax.Array)",
    "raise TypeError(f'got {type(model)}')",
    "raise TypeError('got ' + str(type(model)))",
    "print(f'{n_devices} devices, {len(devices)} of them, {dev.id}')",
    "if device not in ('cpu', 'gpu'):\n    warn(f'no such device: {device}')",
    "def f(device: str):\n    return f'{device}'",
    "def f(device='cpu'):\n    return f'{device}'",
    "name = str(n_devices)",
    "print(f'{n_chains_per_device} chains')",
    "ok = name in ('a', 'b')",
    "def f():\n    x = None\ndef g(x):\n    return jnp.array(x)",
    "xs = [1]\nn = jnp.size(x)",
    "def f(xs):\n    return jnp.size(xs)",
    "self.n = jnp.array(0)\nself.n += 1",
    "class M:\n    def __init__(self, a):\n        self.l = {n: sum(a[:n]) for n in range(f(a))}",
    "class M:\n    def __init__(self):\n        self.h = None\n    def f(self, x):\n        self.h = (x,)",
    "a = jnp.array(losses)",
    "def f(x=None):\n    x = 1 if x is None else x\n    return jnp.array(x)",
    "def f(x=None):\n    return jnp.array(x or 1)",
    "x = found.get('x', 0)\na = jnp.asarray(x)",
    "ok = n_in != n_out",
    "ok = self.dim == dim",
    "try:\n    f()\nexcept OSError as e:\n    print(type(e).__name__)",
    "class M:\n    def __init__(self, n):\n        self.l = {}\n        self.l['a'] = n",
    "class M:\n    def __init__(self):\n        a = {'a': Linear()}\n        self.l = nnx.Dict(a)",
    "class M:\n    def note(self, x):\n        self.l = {}\n        self.l['a'] = f(x)",
    "with open('a') as f:\n    run(f)",
    "ok = spec == P('data', None)",
    "ok = isinstance(x, str)",
    "fast = jax.jit(jax.vmap(f))\nlow = fast.lower(x)",
    "word = name.lower()",
    "def f(name):\n    return name in known",
    "y = jnp.stack(key)",
    "n = len(jax.tree.leaves(params))",
    "tree = {'w': 1}",
    "if x is None:\n    x = 1",
    "shape = x.shape[:-1] + (n,)",
    "def f(x=None):\n    return None",
    "name = str(x)",
    "n = sum(e.primitive.name == 'sin' for e in eqns)",
    "z = jnp.zeros(3, dtype=jnp.float32)",
    "z = jnp.zeros(3, dtype=dtype)",
    "k = jax.random.randint(key, (2,), 0, 9, jnp.int32)",
    "e = nn.Embed(9, 4)",
    "m = nnx.split_rngs(splits=3)(make)(rngs)",
    "e = nn.Embed(n, 4)",
    "e = nn.Embed(config.vocab, 1)",
    "@f.register(float)\ndef g(x):\n    return x",
    "z = jnp.zeros(3, dtype=x.dtype)",
    "m = jnp.arange(3) < n\ns = jnp.sum(x, where=m)",
    "s = jnp.sum(x, where=~a)",
    "s = jnp.sum(x, where=(a < n) & b)",
    "class M:\n    def __init__(self):\n        self.h = None\n    def f(self):\n        self.h = 1",
    "self.count.value += 1",
    "self.n = 0\nself.n += 1",
    "self.assertEqual(spec, P('data', None))",
    "self.assertEqual(y.shape, (2, 3))",
    "ok = y.shape == (2, 3)",
)


@pytest.mark.parametrize("source", FOUND)
def test_an_operation_is_found(source: str) -> None:
    found = {each.name: each for each in operations_in(source, "a.py")}
    assert FOUND[source] in found
    assert found[FOUND[source]].file == "a.py"


@pytest.mark.parametrize("source", NOT_FOUND)
def test_neighbours_of_the_operations_are_none(source: str) -> None:
    found = {each.name for each in operations_in(source, "a.py")}
    # What a call is given is told of every call, for those that it concerns.
    assert all(name.endswith(" given a number") for name in found)


def test_an_operation_has_its_line() -> None:
    (found,) = operations_in("import jax\n\nwith mesh:\n    pass\n", "a.py")
    assert found.line == 3


def test_a_line_does_an_operation_once() -> None:
    assert len(operations_in("a = (jnp.size([x]), jnp.size([y]))", "a.py")) == 1


def test_an_array_that_holds_no_none_is_not_told_of_none() -> None:
    for text in ("a = jnp.array([x, y])", "def f(x=None):\n    return np.array(x)"):
        assert "an array of None" not in {each.name for each in operations_in(text, "a.py")}


@pytest.mark.parametrize(
    "each",
    [
        ("sizes", "list(sizes)", "[1, 2]"),
        ("sizes, layers", "list(sizes)", "[1], [Linear()]"),
        ("layer", "layer", "Linear()"),
        ("layers", "nnx.List(layers)", "[Linear()]"),
        ("*sizes", "list(sizes)", "1, 2"),
        ("**words", "dict(**words)", "a=1"),
    ],
)
def test_what_is_given_and_kept_is_no_container_of_modules(each: tuple[str, str, str]) -> None:
    found = {done.name for done in operations_in(_HOLDS.format(*each), "a.py")}
    assert "a container held" not in found


@pytest.mark.parametrize(
    "each",
    [
        ("nnx.Module", "[make()]", "self.l[0].grow()"),
        ("nnx.Module", "nnx.List([])", "self.l.append(make())"),
        ("nnx.Module", "[]", "self.l.append(float(x))"),
        ("nnx.Module", "[]", "found = {}; found['a'] = make()"),
        ("object", "[]", "self.l.append(make())"),
    ],
)
def test_what_no_method_adds_to_is_not_filled_later(each: tuple[str, str, str]) -> None:
    found = {done.name for done in operations_in(_FILLS.format(*each), "a.py")}
    assert "a container filled by a method" not in found
