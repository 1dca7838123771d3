"""sharing.equals-per-example does not hold for flax.nnx.vmap on layer-norm.

The lifted module gives what the unmapped one gives for each example with the same parameters.
values differ in [0] at index (2, 0, 0): expected 0.381389173, got 4.23136997 (1.29e+08 ULP)

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

inputs = (array('float32', (3, 2, 4), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333, 0.4105985164642334, 0.14404356479644775,
1.4542734622955322, 0.7610377073287964, 0.12167501449584961, 0.44386324286460876,
0.3336743414402008, 1.4940791130065918, -0.2051582634449005, 0.3130677044391632,
-0.8540957570075989, -2.5529897212982178, 0.653618574142456, 0.8644362092018127,
-0.7421650290489197]),)
rngs = {'params': jax.random.PRNGKey(0)}
variables = {'params': {'bias': array('float32', (3, 4), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333, 0.4105985164642334, 0.14404356479644775,
1.4542734622955322]), 'scale': array('float32', (3, 4), [1.6243454217910767, -0.6117563843727112, -0.5281717777252197,
-1.072968602180481, 0.8654076457023621, -2.3015387058258057, 1.744811773300171,
-0.7612069249153137, 0.31903910636901855, -0.24937038123607635, 1.4621078968048096,
-2.060140609741211])}}
expected = (array('float64', (3, 2, 4), [2.7232583046748418, 1.2173801959706256, 1.2526843339218479,
0.8846458006452353, 3.940243742898855, 1.1937908801021528, 0.720313912992467, 2.811402650327867,
1.0217613474605094, -0.721832467144546, -0.027753995495756856, -1.4064021396138704,
3.1643455424399636, 1.9473000683260313, 1.1677362695011035, 0.11697177669340059,
0.3813891731352952, 0.5242336069175378, 0.3582889558293393, 3.9466420146113297,
-0.5960647737055828, 0.2100338049434768, 1.5458003152347528, 1.9038485688677045]), {},)
allowed = (array('float64', (3, 2, 4), [7.393013359557824e-06, 5.292290297472727e-06,
2.240856659467942e-06, 8.712988213861599e-06, 5.695455531885361e-06, 2.057435954095736e-06,
8.682782855330373e-07, 2.017514189610475e-06, 2.665703044329563e-06, 1.9158507414825823e-06,
3.33161884421914e-06, 3.6703660989743463e-06, 7.869861194326027e-06, 1.750475166096364e-05,
3.110698265564478e-06, 2.1880778995704897e-06, 1.101044628097846e-06, 3.8385117745840335e-07,
1.0681742109129775e-06, 6.076745460801026e-06, 1.1942428662250433e-06, 5.370043058897027e-07,
3.633528561568733e-06, 2.0637864259499037e-06]), {},)
dtypes = ['float32']
structure = 'PyTreeDef((*, {}))'


print("mapped by", "flax.nnx.vmap", "on jax", jax.__version__)
try:
    from collections.abc import Mapping
    from typing import Any

    import jax
    import jax.numpy as jnp
    from flax import nnx


    class Cache(nnx.Variable[Any]):
        """The collection "cache"."""


    KINDS: dict[str, Any] = {"params": nnx.Param, "batch_stats": nnx.BatchStat, "cache": Cache}


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


    def collected(module: Any) -> dict[str, Any]:
        """The module's variables: by collection, then by name, as deep as its submodules go."""
        found: dict[str, Any] = {}
        for name, value in vars(module).items():
            if isinstance(value, nnx.Module):
                for collection, tree in collected(value).items():
                    found.setdefault(collection, {})[name] = tree
            for collection, kind in KINDS.items():
                if isinstance(value, kind) and read(value) is not None:
                    found.setdefault(collection, {})[name] = read(value)
        return found


    def put(module: Any, variables: Mapping[str, Any]) -> Any:
        """The module, with these variables in place of its own."""
        for tree in variables.values():
            for name, value in tree.items():
                place = getattr(module, name)
                if isinstance(value, Mapping):
                    put(place, {"": value})
                else:
                    write(place, value)
        return module


    def names_of(module: Any) -> dict[str, Any]:
        """What the axes of a module's own parameters are called: the attribute has had three names."""
        found = {}
        for name, value in vars(module).items():
            if isinstance(value, nnx.Param):
                said = (
                    getattr(value, each, None)
                    for each in ("out_sharding", "sharding_names", "sharding")
                )
                found[name] = next((tuple(each) for each in said if each is not None), None)
        return found


    class Lift:
        """A map of making a module, and of calling it.

    `variable_axes` gives each collection's axis, `split` whether each stream's key is split: that
    of the parameters when a module is made, those of others when it is called. `options` are those
    of the map (`graph` and `graph_updates` only where they are False); `spelling="one axis"`, which
    gives a module whose collections have the same axis that alone; `inside` and `around`, another
    lift; and `twice`, the module given once more, mapped "alike" or "otherwise"; `new_axis`
    is what parameters are to call the axis that they gain.
    """

        def __init__(
            self,
            mapping: Any,
            make: Any,
            size: int,
            in_axes: Any,
            out_axes: int,
            variable_axes: Mapping[str, Any],
            split: Mapping[str, bool],
            options: Mapping[str, Any],
            new_axis: str,
        ) -> None:
            self.mapping, self.make, self.size = mapping, make, size
            self.split_params = split.get("params", False)
            self.streams = [name for name in split if name != "params"]
            self.apart = tuple(name for name in self.streams if split[name])
            stream_axes: dict[Any, Any] = {**dict.fromkeys(self.apart, 0), ...: None}
            self.stream_axes = nnx.StateAxes(stream_axes)
            self.in_axes, self.out_axes = in_axes, out_axes
            axes: dict[Any, Any] = {KINDS[name]: axis for name, axis in variable_axes.items()}
            # What is no collection (the state of a stream, say) is the same for all.
            self.filters = {**dict.fromkeys(self.apart, 0), **axes, ...: None}
            self.state_axes: Any = nnx.StateAxes({**axes, ...: None})
            self.options, self.new_axis = dict(options), new_axis
            if self.options.pop("spelling", None) == "one axis":
                (self.state_axes,) = set(variable_axes.values())
            self.modes = {name: options[name] for name in ("graph", "graph_updates") if name in options}

        def create(self, rngs: Any) -> Any:
            """Make the module under the map, from the key of the stream `params`, or from key 0 without one."""
            streams = nnx.Rngs(params=rngs["params"]) if "params" in rngs else nnx.Rngs(params=0)
            out_axes: Any = self.state_axes
            if self.modes:
                out_axes, _ = self.by_leaf(self.make(nnx.Rngs(0)), None)
                if self.split_params:
                    streams = self.apart_in(streams, ...)
            made: Any = self.mapping(
                lambda streams, _: self.make(streams),
                in_axes=(0 if self.split_params else None, 0),
                out_axes=out_axes,
                **(self.modes or {"transform_metadata": {nnx.PARTITION_NAME: self.new_axis}}),
            )
            if self.split_params and not self.modes:
                made = nnx.split_rngs(splits=self.size)(made)
            return made(streams, jnp.zeros(self.size))

        def by_leaf(self, *arguments: Any) -> Any:
            """Where no graph is updated: the axis of each leaf, of all arguments at once."""
            return nnx.prefix(arguments, self.filters, graph=self.modes.get("graph", True))

        def apart_in(self, streams: Any, only: Any) -> Any:
            """Where no graph is updated: a copy of the streams in which these are split."""
            mode = {"graph": self.modes.get("graph", True), "graph_updates": False}
            return nnx.split_rngs(streams, splits=self.size, only=only, **mode)

        def init(self, rngs: Any, *inputs: Any) -> Any:
            """Make the module under the map, and give its variables by collection; the inputs are not read."""
            return collected(self.create(rngs))

        def names(self, rngs: Any, *inputs: Any) -> Any:
            """What the axes of the made module's parameters are called; the inputs are not read."""
            return names_of(self.create(rngs))

        def apply(self, variables: Any, *inputs: Any, rngs: Any = None, mutable: Any = ()) -> Any:
            """Call the module under the map, with these variables in place of its own.

        Args:
            variables: The variables of the module, by collection.
            *inputs: The inputs, with batch axes where `in_axes` says so.
            rngs: The key of each stream that the call draws from.
            mutable: Not read: every collection may change.

        Returns:
            The output, and the collections other than params after the call.

        """
            module = put(self.make(nnx.Rngs(0)), variables)
            options = dict(self.options)
            wrappers: dict[Any, Any] = {"jit": nnx.jit, "remat": nnx.remat, None: lambda f: f}
            again = {"alike": (self.state_axes,), "otherwise": (None,), None: ()}[
                options.pop("twice", None)
            ]
            inside, around = wrappers[options.pop("inside", None)], options.pop("around", None)
            streams = {name: rngs[name] for name in self.streams}
            # Modules without streams of their own take no `rngs`.
            drawn = {"rngs": nnx.Rngs(**streams)} if streams else {}
            of_drawn = dict.fromkeys(drawn, self.stream_axes)
            state_axes = self.state_axes
            if self.modes:
                drawn = self.apart_in(drawn, self.apart) if self.apart else drawn
                state_axes, of_drawn = self.by_leaf(module, drawn)
            mapped: Any = self.mapping(
                inside(lambda m, own, *x: m(*x[len(again) :], **own)),
                in_axes=(state_axes, of_drawn, *again, *self.in_axes),
                out_axes=self.out_axes,
                **options,
            )
            if self.apart and not self.modes:
                mapped = nnx.split_rngs(splits=self.size, only=self.apart)(mapped)
            inputs = (drawn, *(module,) * len(again), *inputs)
            if around in ("vmap", "scan"):
                output = jax.tree_util.tree_map(
                    lambda x: x[1], self.twice(around, mapped, module, inputs)
                )
            else:
                output = wrappers[around](mapped)(module, *inputs)
            updates = {name: tree for name, tree in collected(module).items() if name != "params"}
            return output, updates

        def twice(self, around: str, mapped: Any, module: Any, inputs: Any) -> Any:
            """The same twice over, in another map or in a loop."""
            if around == "vmap":
                over: Any = nnx.vmap(lambda m, _: mapped(m, *inputs), in_axes=(None, 0), out_axes=0)
            else:
                over = nnx.scan(lambda m, _: mapped(m, *inputs), in_axes=(None, 0), out_axes=0)
            return over(module, jnp.zeros(2))


    def make(rngs):
        return nnx.LayerNorm(4, rngs=rngs)


    lifted = Lift(nnx.vmap, make, *(3, (0,), 0, {'params': 0}, {'params': True}, {}, 'members'))

    got = jax.jit(lambda variables, *inputs: lifted.apply(variables, *inputs, rngs=rngs, mutable=[]))(variables, *inputs)
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
