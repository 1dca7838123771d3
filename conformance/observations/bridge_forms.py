"""NNX modules as Linen modules and the other way round, in lifts; metrics; streams of keys."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, whole
from conformance.observations.linen_module_forms import ENSEMBLE
from conformance.observations.linen_program_forms import in_words
from conformance.observations.nnx_parts import of_nnx
from conformance.observations.record import needed

_ONES = nn.initializers.ones


def linen() -> Forms:
    """Lifts of NNX modules that were made Linen ones: their variables, by path and shape."""
    x, key = whole(3, 2), jax.random.key(0)

    def bridged(name: str, *arguments: Any, **options: Any) -> Any:
        return of_nnx("bridge.to_linen")(of_nnx(name), *arguments, **options)

    def variables(module: Any, *given: Any, rngs: Any = key, **options: Any) -> Any:
        return in_words(jax.eval_shape(lambda r: module.init(r, *(given or (x,)), **options), rngs))

    class Attending(nn.Module):
        def setup(self) -> None:
            self.embed = bridged("Embed", 2, 3)

        def __call__(self, i: Any) -> Any:
            return self.embed(i)

        def attend(self, y: Any) -> Any:
            return self.embed.attend(y)

    def attended() -> Any:
        module = Attending()
        given = jax.eval_shape(module.init, key, jnp.ones(1, jnp.int32))
        run = partial(module.apply, method="attend")
        return jax.eval_shape(run, given, jnp.ones((1, 3))).shape

    def partitioned(**options: Any) -> Any:
        made = nn.vmap(of_nnx("bridge.ToLinen"), **ENSEMBLE, **options)
        kernel = of_nnx("with_partitioning")(_ONES, ("a", "b"), eager_sharding=False)
        module = made(of_nnx("Linear"), args=(2, 2), kwargs={"kernel_init": kernel})
        return str(nn.get_partition_spec(module.init(key, x)).get("params"))

    lifted = partial(nn.vmap, _nnx_to_linen(), **ENSEMBLE)
    return {
        "bridged": lambda: variables(bridged("Linear", 2, 2)),
        "bridged-with-keywords": lambda: variables(bridged("Linear", 2, out_features=2)),
        "bridged-dropout": lambda: variables(
            bridged("Dropout", 0.5), rngs={"params": key, "dropout": key}
        ),
        "bridged-batch-norm": lambda: variables(bridged("BatchNorm", 2)),
        "bridged-batch-norm-applied": lambda: _applied(bridged("BatchNorm", 2), x),
        "bridged-method": attended,
        "bridged-mapped": lambda: variables(lifted()(of_nnx("Linear"), args=(2, 2))),
        "bridged-mapped-metadata": lambda: partitioned(metadata_params={nn.PARTITION_NAME: "m"}),
        "bridged-mapped-no-metadata": partitioned,
        "bridged-in-jit": lambda: variables(
            nn.jit(of_nnx("bridge.ToLinen"))(of_nnx("Linear"), args=(2, 2))
        ),
        "bridged-in-remat": lambda: variables(
            nn.remat(of_nnx("bridge.ToLinen"))(of_nnx("Linear"), args=(2, 2))
        ),
    }


def _nnx_to_linen() -> Any:
    try:
        return of_nnx("bridge.ToLinen")
    except Exception:
        return None


def _applied(module: Any, x: Any) -> Any:
    variables = module.init(jax.random.key(0), x)
    return in_words(module.apply(variables, x, mutable=["batch_stats"])[1])


def nnx() -> Forms:
    """Linen modules that were made NNX ones, metrics, and streams."""
    return {**_from_linen(), **_metrics(), **_streams(), **_changed()}


class _Caching(nn.Module):
    """A module that gets a variable when it is called, not when it starts."""

    @nn.compact
    def __call__(self) -> Any:
        if not self.is_initializing() and self.is_mutable_collection("cache"):
            self.put_variable("cache", "x", jnp.zeros(()))
        return self.get_variable("cache", "x")


def _from_linen() -> Forms:
    x = whole(3, 2)

    def made(module: Any, *given: Any, **streams: Any) -> Any:
        rngs = of_nnx("Rngs")(0, **streams)
        return of_nnx("bridge.ToNNX")(module, rngs=rngs).lazy_init(*(given or (x,)))

    def caching() -> Any:
        module = of_nnx("bridge.ToNNX")(_Caching()).lazy_init()
        return module(mutable=["cache"]), module()

    def of_transform(name: str, **options: Any) -> Any:
        def call(m: Any, a: Any) -> Any:
            return m(a).sum() if name == "grad" else m(a)

        given = of_nnx(name)(call, **options)(made(nn.Dense(2, kernel_init=_ONES)), x)
        return [np.shape(leaf) for leaf in jax.tree_util.tree_leaves(given)]

    def counted() -> Any:
        module = made(nn.BatchNorm(use_running_average=False))
        module(x, mutable=["batch_stats"])
        state = of_nnx("state")(module, of_nnx("BatchStat"))
        return [np.asarray(a) for a in jax.tree_util.tree_leaves(state)]

    return {
        "linen-module": lambda: in_words(of_nnx("state")(made(nn.Dense(2)))),
        "linen-module-given-a-variable": caching,
        "linen-batch-norm": counted,
        "linen-dropout": lambda: made(nn.Dropout(0.5, deterministic=False), dropout=1)(x).shape,
        "linen-module-in-jit": lambda: of_transform("jit"),
        "linen-module-in-vmap": lambda: of_transform("vmap", in_axes=(None, 0)),
        "linen-module-in-grad": lambda: of_transform("grad"),
        "linen-module-boxed": lambda: str(
            made(
                nn.Dense(2, kernel_init=nn.with_partitioning(_ONES, ("a", None)))
            ).kernel.get_metadata()
        ),
    }


_AVERAGE, _ACCURACY = "flax.nnx.metrics.Average", "flax.nnx.metrics.Accuracy"
_WELFORD = "flax.nnx.metrics.Welford"


def _metrics() -> Forms:
    x = whole(4)

    def metric(name: str, *arguments: Any) -> Any:
        return needed(name)(*arguments)

    def updated(make: Callable[[], Any], jit: bool = False, **values: Any) -> Any:
        def update(m: Any) -> None:
            m.update(**values)

        made = make()
        (of_nnx("jit")(update) if jit else update)(made)
        return jax.tree_util.tree_leaves(made.compute())

    def several() -> Any:
        return of_nnx("MultiMetric")(loss=metric(_AVERAGE, "loss"), other=metric(_AVERAGE, "other"))

    def split_and_merged(jit: Any) -> Any:
        graph, state = of_nnx("split")(several())

        def update(graph: Any, state: Any, loss: Any) -> Any:
            made = of_nnx("merge")(graph, state)
            made.update(loss=loss, other=loss)
            return of_nnx("split")(made)[1]

        given = jit(update, static_argnums=0)(graph, state, x)
        return of_nnx("merge")(graph, given).compute()["loss"]

    def mapped() -> Any:
        def make(values: Any) -> Any:
            made = metric(_AVERAGE)
            made.update(values=values)
            return made

        return of_nnx("vmap")(lambda m: m.compute())(of_nnx("vmap")(make)(whole(3, 4)))

    accurate: dict[str, Any] = {"logits": jnp.eye(2), "labels": jnp.array([0, 1])}
    return {
        "metric": lambda: updated(lambda: metric(_AVERAGE), values=x),
        "metric-jitted": lambda: updated(lambda: metric(_AVERAGE), jit=True, values=x),
        "metric-of-accuracy": lambda: updated(lambda: metric(_ACCURACY), **accurate),
        "metric-of-accuracy-jitted": lambda: updated(
            lambda: metric(_ACCURACY), jit=True, **accurate
        ),
        "metric-of-moments": lambda: updated(lambda: metric(_WELFORD), values=x),
        "metric-of-two-classes": lambda: updated(
            lambda: metric(_ACCURACY, 0.5), logits=x / 4, labels=jnp.array([0, 0, 1, 1])
        ),
        "metrics": lambda: updated(several, loss=x, other=x),
        "metrics-hashed": lambda: isinstance(hash(of_nnx("split")(several())[0]), int),
        "metrics-split-in-jax-jit": lambda: split_and_merged(jax.jit),
        "metrics-split-in-jit": lambda: split_and_merged(of_nnx("jit")),
        "metrics-mapped": mapped,
    }


def _streams() -> Forms:
    def rngs(*arguments: Any, **streams: Any) -> Any:
        return of_nnx("Rngs")(*arguments, **streams)

    def forked(split: Any) -> Any:
        made = rngs(0, noise=1).fork(split=split)
        return jnp.shape(made.noise.key[...]), jnp.shape(made.default.key[...])

    def made_in_map(axes: Any, argument: Callable[[], Any]) -> Any:
        def make(given: Any) -> Any:
            streams = given if isinstance(given, of_nnx("Rngs")) else rngs(given)
            return of_nnx("Linear")(2, 2, rngs=streams)

        options = {"axis_size": 3} if axes is None else {}
        kernel = of_nnx("vmap")(make, in_axes=axes, **options)(argument()).kernel.value
        return kernel.shape, bool(jnp.any(kernel[0] != kernel[1]))

    def dropped() -> Any:
        axes = of_nnx("StateAxes")({of_nnx("RngKey"): 0, ...: None})
        layer = of_nnx("Dropout")(0.5, deterministic=False, rngs=rngs(0))
        run = of_nnx("vmap")(lambda m, a: m(a), in_axes=(axes, 0))
        given = of_nnx("split_rngs")(splits=3)(run)(layer, jnp.ones((3, 16)))
        return bool(jnp.any(given[0] != given[1]))

    def made_split(*, again: bool) -> Any:
        make = of_nnx("vmap")(lambda r: of_nnx("Dropout")(0.5, rngs=r))
        layer = of_nnx("split_rngs")(splits=3)(make)(rngs(0))
        run = of_nnx("vmap")(lambda m, a: m(a))
        run = of_nnx("split_rngs")(splits=3)(run) if again else run
        return run(layer, jnp.ones((3, 16))).shape

    def reseeded() -> Any:
        module = of_nnx("eval_shape")(lambda: of_nnx("Dropout")(0.5, rngs=rngs(0)))
        of_nnx("reseed")(module, dropout=1)
        return sorted(map(str, vars(module)))

    return {
        "rngs-split-when-made-and-called": lambda: made_split(again=True),
        "rngs-split-when-made": lambda: made_split(again=False),
        "rngs-forked-in-three": lambda: forked(3),
        "rngs-forked-in-two-axes": lambda: forked((2, 3)),
        "rngs-forked-by-name": lambda: forked({"noise": 2}),
        "rngs-of-a-mapped-number": lambda: made_in_map(0, lambda: jnp.arange(3)),
        "rngs-of-a-mapped-key": lambda: made_in_map(
            0, lambda: jax.random.split(jax.random.key(0), 3)
        ),
        "rngs-of-a-shared-number": lambda: made_in_map(None, lambda: 0),
        "rngs-given-shared": lambda: made_in_map(None, lambda: rngs(0)),
        "rngs-given-split": lambda: made_in_map(0, lambda: rngs(0).fork(split=3)),
        "rngs-numpy-number": lambda: jax.random.key_data(rngs(np.int32(0)).params()),
        "rngs-of-an-unsigned-array": lambda: jax.random.key_data(rngs(jnp.uint32(0)).params()),
        "rngs-reseeded-abstractly": reseeded,
        "dropout-in-an-ensemble": dropped,
    }


def _changed() -> Forms:
    """What is left where a function that JAX transforms changes what it closes over."""

    def raised_in(transform: Any) -> Any:
        """What a module holds after it was changed by a function that a transform ran."""
        module = of_nnx("Linear")(2, 2, rngs=of_nnx("Rngs")(0))

        def change(a: Any) -> Any:
            module.more = of_nnx("Param")(a)
            return a.sum()

        try:
            transform(change)(jnp.ones((3, 2)))
        except Exception as error:
            return type(error).__name__, hasattr(module, "more")
        return "accepted", isinstance(getattr(module.more, "value", None), jax.core.Tracer)

    def written_in(transform: Any) -> Any:
        """What a Variable holds after it was written to by a function that a transform ran."""
        variable = of_nnx("Variable")(jnp.zeros(()))

        def write(a: Any) -> Any:
            variable.value = variable.value + a.sum()
            return a.sum()

        try:
            transform(write)(jnp.ones((3, 2)))
        except Exception as error:
            return type(error).__name__, isinstance(variable.value, jax.core.Tracer)
        return "accepted", isinstance(variable.value, jax.core.Tracer)

    forms: Forms = {}
    for name in ("vmap", "jit", "grad"):
        forms[f"changed-in-jax-{name}"] = partial(raised_in, getattr(jax, name))
        forms[f"written-in-jax-{name}"] = partial(written_in, getattr(jax, name))
    return forms
