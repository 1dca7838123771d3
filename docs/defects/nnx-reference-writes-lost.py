"""sharing.documented-uses does not hold for flax.nnx.vmap on use.references-written.

A documented use gives what a loop over the unmapped module gives, and leaves nothing else behind.
values differ in [1] at index (2, 1): expected -3, got 1 (1.68e+07 ULP)

Found by vmap-conformance. Prints what was expected and got; exits 1 while they differ.
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import sys

import jax
import jax.numpy as jnp
import numpy as np
from numpy import inf, nan  # in the arrays below



def array(dtype, shape, values):
    return np.array(values, dtype).reshape(shape)


def numbers(leaf):
    is_key = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


expected = (array('float32', (3, 2), [4.0, 4.0, 0.0, 0.0, 6.0, -6.0]), array('float32', (3, 2), [2.0, 2.0, 0.0, 0.0, 3.0, -3.0]),)
allowed = (array('float64', (3, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (3, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]),)
dtypes = ['float32', 'float32']
structure = 'PyTreeDef((*, *))'


print("mapped by", "flax.nnx.vmap", "on jax", jax.__version__)
try:
    from collections.abc import Mapping
    from typing import Any

    import jax
    import jax.numpy as jnp
    from flax import nnx


    def read(variable: Any) -> Any:
        """The value of a variable, in the way that the installed Flax has for it."""
        # `value` is deprecated since flax 0.12, and what replaces it is not in 0.10.
        return variable.get_value() if hasattr(variable, "get_value") else variable.value


    def write(variable: Any, value: Any) -> None:
        """Set the value of a variable, in the way that the installed Flax has for it."""
        if hasattr(variable, "set_value"):
            variable.set_value(value)
        else:
            variable.value = value


    import dataclasses
    from collections.abc import Callable, Mapping
    from typing import Any

    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx


    FEATURES, OUTPUTS = 2, 4
    """The sizes of a module's input and output."""


    class Total(nnx.Variable[Any]):
        """What a module has given so far."""


    class Net(nnx.Module):
        """y = x w + b, which the module adds to its total."""

        def __init__(self, w: Any, b: Any, total: Any) -> None:
            self.w, self.b, self.total = nnx.Param(w), nnx.Param(b), Total(total)

        def encode(self, x: Any) -> Any:
            """Give y for `x` of shape (FEATURES,), and write nothing."""
            return jnp.dot(x, read(self.w)) + read(self.b)

        def __call__(self, x: Any) -> Any:
            """Give y, and add it to the total."""
            y = self.encode(x)
            write(self.total, read(self.total) + y)
            return y


    def variables(net: Any) -> dict[str, Any]:
        """The values of a `Net`'s variables."""
        return {name: read(getattr(net, name)) for name in ("w", "b", "total")}


    def state_axes(filters: Mapping[Any, Any]) -> Any:
        """The axes of variables by filter, for a map that updates the graph."""
        return nnx.StateAxes(filters)


    @dataclasses.dataclass(frozen=True)
    class Setting:
        """What a use is given: a map, a number of examples, and what it may choose."""

        mapping: Callable[..., Any]
        """`nnx.vmap`, or another map that takes the same arguments."""
        size: int
        seed: int
        mode: Mapping[str, bool] = dataclasses.field(default_factory=dict)
        """`graph` or `graph_updates`, where one of them is False."""

        def map(self, function: Any, **axes: Any) -> Any:
            """The map of a function in this mode."""
            return self.mapping(function, **axes, **self.mode)

        def whole(self, number: int, *shape: int) -> Any:
            """Whole numbers of this shape; each `number` gives others."""
            random = np.random.RandomState((self.seed + 7919 * number) % 2**32)
            return jnp.asarray(random.randint(-4, 5, size=shape), jnp.float32)

        @property
        def axis(self) -> int:
            """Where the parameters of an ensemble are stacked: the mode of the map is chosen by `seed % 2`."""
            return self.seed // 2 % 2

        def inputs(self) -> Any:
            """An input for each example, of shape (size, FEATURES)."""
            return self.whole(3, self.size, FEATURES)

        def values(self) -> dict[str, Any]:
            """The variables of a `Net` for each member, stacked in front."""
            shapes = {"w": (FEATURES, OUTPUTS), "b": (OUTPUTS,), "total": (OUTPUTS,)}
            each = enumerate(shapes.items())
            return {name: self.whole(10 + i, self.size, *shape) for i, (name, shape) in each}

        def member(self, i: int) -> Net:
            """Member `i` of the ensemble, by itself."""
            return Net(**{name: value[i] for name, value in self.values().items()})

        def ensemble(self) -> Net:
            """The members stacked: parameters along `axis`, the total in front."""
            return Net(**self.placed(self.values()))

        def placed(self, tree: dict[str, Any]) -> dict[str, Any]:
            """Variables that are stacked in front, with those of parameters along `axis`."""
            moved = {name: jnp.moveaxis(tree[name], 0, self.axis) for name in ("w", "b")}
            return {**tree, **moved}

        def placed_in_front(self, tree: dict[str, Any]) -> dict[str, Any]:
            """Variables whose parameters are stacked along `axis`, with all of them in front."""
            moved = {name: jnp.moveaxis(tree[name], self.axis, 0) for name in ("w", "b")}
            return {**tree, **moved}

        def filters(self) -> dict[Any, Any]:
            """The axes of the ensemble's variables."""
            return {nnx.Param: self.axis, ...: 0}

        def axes_of(self, tree: Any, filters: Mapping[Any, Any]) -> Any:
            """What `in_axes` takes for a module whose variables have these axes, in this mode."""
            if not self.mode:
                return state_axes(filters)
            prefix: Any = nnx.prefix
            return prefix(tree, filters, graph=self.mode.get("graph", True))

        def loop(self, one: Callable[[int], Any]) -> Any:
            """What `one(i)` gives of each example, stacked in front."""
            each = [one(i) for i in range(self.size)]
            return jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves), *each)

        def expected(self, encode: bool = False) -> dict[str, Any]:
            """What each member gives of its input, and its variables after the call."""

            def one(i: int) -> Any:
                net = self.member(i)
                y = net.encode(self.inputs()[i]) if encode else net(self.inputs()[i])
                return {"y": y, **variables(net)}

            return self.placed(self.loop(one))


    Use = Callable[[Setting], tuple[Callable[[], Any], Any]]
    """From a setting to a function that gives what the map gives, and to what it must give."""


    def refuses(function: Callable[[], Any], error: type[Exception], *words: str) -> Any:
        """Whether the function raises this error, whose message has all of the words."""
        try:
            function()
        except error as raised:
            return np.array(all(word in str(raised) for word in words))
        except Exception:
            return np.array(False)
        return np.array(False)


    import copy
    import dataclasses
    import operator
    import pickle
    from collections.abc import Callable
    from functools import partial
    from typing import Any

    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx


    OF_ANY = ("add", "sub", "mul", "truediv", "floordiv", "mod")
    OF_INTEGERS = ("pow", "lshift", "rshift", "and_", "xor", "or_")
    OF_ONE = ("neg", "pos", "abs")
    """Names of what the module `operator` has."""


    def _all_operators(of: Callable[[Any], Any], a: Any, b: Any, np: Any = jnp) -> dict[str, Any]:
        """Every operator of two arrays of whole numbers, of which `of` makes variables where it can."""
        found: dict[str, Any] = {}
        c, d = a.astype(np.int32), b.astype(np.int32)
        for names, x, y in ((OF_ANY, a, b), (OF_INTEGERS, c, d)):
            for name in names:
                call = getattr(operator, name)
                found[name] = [call(of(x), of(y)), call(2, of(y))]
        for name in OF_ONE:
            found[name] = getattr(operator, name)(of(a))
        rows = np.stack([a, b])
        found["matmul"] = [of(rows) @ of(a), of(rows) @ a, a @ of(rows.T)]
        found["others"] = [~of(c), of(a) - b, of(a).round(0), of(a) == of(b), of(a) == b, abs(of(c))]
        found["items"] = [of(rows)[1], of(rows)[:, 0], *of(rows), np.sin(0 * of(a)), of(rows).T]
        return found


    def all_operators(s: Setting) -> Any:
        """Every operator of variables with variables, arrays and numbers, from both sides, is that of values."""
        transforms: Any = nnx
        a, b = s.whole(5, s.size, OUTPUTS), 1 + jnp.abs(s.whole(6, s.size, OUTPUTS))
        in_place = [f"i{name.rstrip('_')}" for name in (*OF_ANY, "matmul", *OF_INTEGERS)]

        def mapped() -> Any:
            def called(a: Any, b: Any) -> Any:
                return _all_operators(nnx.Param, a, b)

            def refusing(total: Any) -> Any:
                calls = (getattr(operator, name) for name in in_place)
                ways = [partial(call, total, read(total)) for call in calls]
                return jnp.stack([refuses(way, NotImplementedError, "In-place") for way in ways])

            found = transforms.jit(s.map(called, in_axes=0), **s.mode)(a, b)
            return found, s.map(refusing, in_axes=0)(Total(a))

        one = partial(_all_operators, lambda x: x, np=np)
        each = [one(*pair) for pair in zip(np.asarray(a), np.asarray(b), strict=True)]
        right = jax.tree_util.tree_map(lambda *rows: np.stack(rows), *each)
        return mapped, (right, np.ones((s.size, len(in_place)), bool))


    def _said(x: Any) -> list[bool]:
        """What a variable that is made here says of its metadata, and what it refuses."""
        v: Any = nnx.Param(x, first=1, last="b")
        other: Any = Total(x, first=7)
        v.set_metadata("first", 2)
        v.set_metadata(more=3)
        said = [v.first == 2, v.get_metadata("more") == 3, v.get_metadata("none", 5) == 5]
        said += [set(v.get_metadata(exclude_required=True)) == {"first", "last", "more"}]
        v.del_metadata("more")
        said += [not v.has_metadata("more"), v.has_metadata("last"), v.type is nnx.Param]
        v.set_metadata({"new": 1})
        said += [v.get_metadata(exclude_required=True) == {"new": 1}]
        for way, error, word in (
            (lambda: v.set_metadata("new", 1, last=2), TypeError, "mix"),
            (v.set_metadata, TypeError, "arguments"),
            (lambda: v.set_metadata(hijax=True), ValueError, "hijax"),
            (lambda: v.set_metadata("ref", True), ValueError, "ref"),
            (lambda: v.set_metadata({"ref": True}), ValueError, "ref"),
            (lambda: v.del_metadata("ref"), ValueError, "ref"),
            (lambda: v.get_metadata("absent"), KeyError, "absent"),
            (lambda: v.get_metadata(default=1), TypeError, "default"),
            (lambda: v.get_metadata("new", exclude_required=True), TypeError, "exclude_required"),
            (lambda: setattr(v, "new", 3), AttributeError, "set_metadata"),
            (lambda: delattr(v, "new"), AttributeError, "del_metadata"),
            (lambda: v.copy_from(other), ValueError, "Total"),
            (lambda: getattr(v, "absent"), AttributeError, "absent"),  # noqa: B009
        ):
            said.append(bool(refuses(way, error, word)))
        return said


    def asked_of_variables(s: Setting) -> Any:
        """Metadata are set, asked and refused; items of trees are set and taken away; copies are apart."""
        x = s.whole(5, s.size, 2, FEATURES)

        def called(tree: Any, first: Any, x: Any) -> Any:
            said = _said(x)
            tree["c"] = x + tree["a"]
            del tree["a"]
            said += [
                len(tree.get_value()) == 2,
                "c" in tree,
                "a" not in tree,
                sorted(tree) == ["b", "c"],
            ]
            first[0] = first[0] + x[0]
            first[1, 0] = 7
            last = nnx.Param(x, note="last")
            last.copy_from(nnx.Param(2 * x, note="copied"))
            called = nnx.Variable(lambda x: x + 1)(x)
            said.append(last.note == "copied")
            return read(last), called, jnp.asarray(first) + 0, np.array(said)

        def mapped() -> Any:
            tree, first = nnx.Variable({"a": 2 * x, "b": x}), Total(3 * x)
            # Where the graph is updated, what is in a variable keeps its form.
            y = s.map(called, in_axes=0)(tree, first, x)
            return y, read(tree), read(first)

        after = (3 * x).at[:, 0].add(x[:, 0]).at[:, 1, 0].set(7)
        said = np.ones((s.size, 26), bool)
        return mapped, ((2 * x, x + 1, after, said), {"b": x, "c": 3 * x}, after)


    def _copies(net: Any) -> dict[str, Any]:
        by_hand: Any = nnx
        refs = by_hand.with_vars(net, ref=True)
        pickled = nnx.clone(net)
        # Not the module itself, whose class a script that is executed cannot find again.
        params = pickle.loads(pickle.dumps(by_hand.state(net, nnx.Param)))  # noqa: S301
        by_hand.update(pickled, params)
        return {
            "deep": copy.deepcopy(net),
            "pickled": pickled,
            "of references": by_hand.with_vars(refs, ref=False),
            "cloned": nnx.clone(net),
            "of arrays": nnx.merge(*by_hand.split(net), copy=True),
            "mapped": by_hand.map(lambda path, v: v.copy(), net),
        }


    def copied_whole(s: Setting) -> Any:
        """Copies of a module by Python and by Flax are mapped: each has variables of its own."""

        def mapped() -> Any:
            net = s.ensemble()
            axes = s.axes_of(net, s.filters())
            copies = _copies(net)
            y = {}
            for n, (name, each) in enumerate(copies.items()):
                call = s.map(lambda net, x: net(x), in_axes=(axes, 0))
                y[name] = call(each, s.inputs() + n), variables(each)
            return y, variables(net)

        def one(i: int) -> Any:
            y = {}
            for n, name in enumerate(_NAMES):
                net = s.member(i)
                y[name] = net(s.inputs()[i] + n), variables(net)
            return y

        right = {name: (y, s.placed(after)) for name, (y, after) in s.loop(one).items()}
        return mapped, (right, variables(s.ensemble()))


    _NAMES = ("deep", "pickled", "of references", "cloned", "of arrays", "mapped")


    def references_held(s: Setting) -> Any:
        """Variables that hold references are written to under maps where no graph is updated, and compiled."""
        lifts: Any = nnx
        # Where the graph is updated, what is written to them is lost: `references_written`.
        s = dataclasses.replace(s, mode=s.mode or {"graph_updates": False})

        make = lifts.var_defaults(ref=True)(s.ensemble)

        def called(net: Any, x: Any) -> Any:
            y = lifts.jit(lambda net, x: net(x), **s.mode)(net, x)
            return y + net(x + 1)

        def mapped() -> Any:
            with lifts.var_defaults(ref=True):
                inner = lifts.var_defaults(ref=False)
                with inner:
                    told = [not lifts.var_defaults().ref]
                told += [lifts.var_defaults()["ref"], nnx.Param(jnp.zeros(2)).ref]
            net, plain = make(), s.ensemble()
            told += [net.w.ref, not plain.w.ref, not lifts.var_defaults().ref]
            y = s.map(called, in_axes=(s.axes_of(net, s.filters()), 0))(net, s.inputs())
            kept = isinstance(net.total.get_raw_value(), jax.Ref)
            return y, variables(net), np.array([*told, kept])

        def one(i: int) -> Any:
            net, x = s.member(i), s.inputs()[i]
            return net(x) + net(x + 1), variables(net)

        y, after = s.loop(one)
        return mapped, (y, s.placed(after), np.ones(7, bool))


    def references_written(s: Setting) -> Any:
        """Variables that hold references are written to under a map that updates the graph."""
        lifts: Any = nnx
        added = s.whole(5, s.size, FEATURES)

        def called(total: Any, x: Any) -> Any:
            y = read(total) + x
            total[...] = y
            return 2 * y

        def mapped() -> Any:
            with lifts.var_defaults(ref=True):
                total = Total(jnp.ones((s.size, FEATURES)))
            return s.map(called, in_axes=0)(total, added), read(total)

        return mapped, (2 * (1 + added), 1 + added)


    USES: dict[str, Use] = {
        "use.all-operators": all_operators,
        "use.asked-of-variables": asked_of_variables,
        "use.copied-whole": copied_whole,
        "use.references-held": references_held,
        "use.references-written": references_written,
    }

    NEEDS: dict[str, str] = {**dict.fromkeys(USES, "0.12.6"), "use.references-written": "0.12.3"}
    """The first release of Flax that has what a use is of, where the oldest has not."""


    mapped, _ = references_written(Setting(nnx.vmap, 3, 5, {}))
    got = mapped()
    got = jax.tree_util.tree_map(numbers, got)
except Exception as error:
    print("it raised", repr(error)[:300])
    print("\nthey differ")
    sys.exit(1)


def agree(got, expected, allowed):
    """Which elements of two arrays agree.

    - NaN agrees with NaN, and with nothing else.
    - An infinity agrees with the infinity of its sign.
    - Where `allowed` is infinite nothing is known, and any value agrees.
    - Where nothing is allowed in the whole array, values are equal; zeros have one sign where both
      arrays are of one real dtype.
    - Else the distance is at most what is allowed; zeros of either sign are equal. Integers and
      booleans are compared as float64, complex numbers by the modulus of their difference.

    Args:
        got: an array of any dtype.
        expected: of the same shape, in the same dtype or a wider one.
        allowed: the largest absolute difference, of the same shape or a scalar; not negative.

    Returns:
        Booleans of the arrays' shape.
    """
    got, expected, allowed = (np.asarray(got), np.asarray(expected), np.asarray(allowed))
    with np.errstate(all='ignore'):
        same = (got == expected) | (got != got) & (expected != expected)
        if not np.any(allowed):
            if got.dtype == expected.dtype and (not np.iscomplexobj(got)):
                same = same & ((np.signbit(got) == np.signbit(expected)) | (got != got))
            return np.asarray(same, bool)
        wide = complex if np.iscomplexobj(got) or np.iscomplexobj(expected) else float
        distance = np.abs(got.astype(wide) - expected.astype(wide))
        return np.asarray(same | (distance <= allowed) | (allowed == np.inf), bool)


got_leaves = jax.tree_util.tree_flatten_with_path(got)[0]
expected_leaves = jax.tree_util.tree_leaves(expected)
bounds = jax.tree_util.tree_leaves(allowed)
got_structure = str(jax.tree_util.tree_structure(got))
different = got_structure != structure
if different:
    print(f"expected {structure}", f"got {got_structure}", sep="\n")
for (path, g), e, bound, dtype in zip(got_leaves, expected_leaves, bounds, dtypes):
    print("\n" + jax.tree_util.keystr(path), f"expected {dtype} {e.shape}", e, sep="\n")
    print(f"got {g.dtype.name} {g.shape}", g, sep="\n")
    if g.shape != e.shape or g.dtype.name != dtype:
        different = True
    else:
        different |= not np.all(agree(g, e, bound))
print("\nthey differ" if different else "\nthey agree")
sys.exit(different)
