"""What Linen's transforms do beside `nn.vmap`: loops, branches, gradients, recurrent cells, names of axes."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.observations.call_forms import Forms, whole
from conformance.observations.linen_module_forms import ENSEMBLE
from conformance.observations.record import needed

_ONES = nn.initializers.ones


class _OfDict(nn.Module):
    """A layer of a dict's entry, plus the other entry."""

    @nn.compact
    def __call__(self, tree: Any) -> Any:
        return nn.Dense(2, kernel_init=_ONES)(tree["a"]) + tree["b"]


class _Perturbed(nn.Module):
    """A module that perturbs a tree."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return self.perturb("p", {"a": x})["a"]


class _Controlled(nn.Module):
    """A layer in a branch or in a loop of Linen's."""

    kind: str = "cond"

    @nn.compact
    def __call__(self, x: Any) -> Any:
        layer = nn.Dense(2, kernel_init=_ONES)
        layer(x)
        if self.kind == "cond":
            return nn.cond(x.sum() > 2, lambda m, y: layer(y), lambda m, y: y, self, x)
        if self.kind == "switch":
            return nn.switch(1, [lambda m, y: y, lambda m, y: layer(y)], self, x)
        return nn.while_loop(
            lambda m, c: c[0] < 2, lambda m, c: (c[0] + 1, layer(c[1])), self, (0, x)
        )


class _Tied(nn.Module):
    """A layer whose kernel is seen transposed."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        def turned(variables: Any) -> Any:
            return jax.tree_util.tree_map(lambda a: a.T, variables)

        return nn.map_variables(nn.Dense, "params", turned, turned, init=True)(2)(x)


def in_words(variables: Any) -> str:
    """The paths of variables, with their shapes and dtypes."""
    leaves = jax.tree_util.tree_leaves_with_path(variables)
    return ", ".join(
        sorted(f"{jax.tree_util.keystr(p)}{jnp.shape(v)}{jnp.result_type(v)}" for p, v in leaves)
    )


def linen() -> Forms:
    """Forms of what is beside `nn.vmap`, alone and mapped."""
    x, key = whole(3, 2), jax.random.key(0)

    def abstract(module: Any, *given: Any, **options: Any) -> Any:
        """The shapes and dtypes of a module's output and variables."""
        run = jax.eval_shape(
            lambda *a: module.init_with_output({"params": key, "dropout": key}, *a, **options),
            *(given or (x,)),
        )
        return in_words(run)

    def mapped(module: Any, *arguments: Any, inputs: Any = None, **options: Any) -> Any:
        return abstract(nn.vmap(module, **{**ENSEMBLE, **options})(*arguments), *(inputs or (x,)))

    nested = {"in_axes": ({"a": 0, "b": None},)}
    perturbed = {"variable_axes": {"perturbations": 0}}
    forms: Forms = {
        "in-axes-nested-with-none": lambda: mapped(
            _OfDict, inputs=({"a": x, "b": jnp.ones(2)},), **nested
        ),
        "perturbed-tree": lambda: mapped(_Perturbed, **perturbed),
        "two-compact-methods": lambda: mapped(_two_compact()),
        "variables-mapped-to-others": lambda: mapped(_Tied),
        "logical-axes-of-none": lambda: _of_mesh((("a", None), ("b", None))),
        "logical-axes": lambda: _of_mesh((("a", "x"), ("b", "y"))),
        "remat-in-a-scan": lambda: abstract(
            needed("flax.linen.remat_scan")(nn.Dense, lengths=(2, 2))(2), x
        ),
        "gradient-of-a-module": _gradient,
        "given-a-lazy-key": lambda: in_words(
            nn.Dense(2).init({"params": needed("flax.core.scope.LazyRng").create(key, 1)}, x)
        ),
    }
    for kind in ("cond", "switch", "while"):
        forms[f"{kind}-in-a-module"] = partial(abstract, _Controlled(kind))
        forms[f"{kind}-in-a-mapped-module"] = partial(mapped, _Controlled, kind)
    return forms | _cells(abstract) | _of_dtypes(abstract)


def _of_mesh(rules: Any) -> Any:
    return str(tuple(needed("flax.linen.logical_to_mesh_axes")(("a", "b"), rules=rules)))


def _two_compact() -> Any:
    class Two(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return self.other(nn.Dense(2)(x))

        @nn.compact
        def other(self, x: Any) -> Any:
            return nn.Dense(2)(x)

    return Two


def _gradient() -> Any:
    class Own(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            value, back = nn.vjp(lambda m, y: m(y), nn.Dense(2, kernel_init=_ONES), x)
            return value, back(value)[1]

    return Own().init_with_output(jax.random.key(0), whole(3, 2))[0]


def _cells(abstract: Any) -> Forms:
    words, lengths = whole(2, 4, 3), jnp.array([2, 4])

    def of_cell(name: str) -> Any:
        return abstract(nn.RNN(needed(f"flax.linen.{name}")(2), return_carry=True), words)

    forms: Forms = {}
    for name in ("SimpleCell", "LSTMCell", "OptimizedLSTMCell", "GRUCell", "MGUCell"):
        forms[f"rnn-of-{name}"] = partial(of_cell, name)
    return forms | {
        "rnn-with-lengths": lambda: abstract(
            nn.RNN(nn.LSTMCell(2), return_carry=True), words, seq_lengths=lengths
        ),
        "rnn-in-reverse": lambda: abstract(
            nn.RNN(nn.GRUCell(2), reverse=True, keep_order=True), words
        ),
        "rnn-both-ways": lambda: abstract(
            nn.Bidirectional(nn.RNN(nn.GRUCell(2)), nn.RNN(nn.GRUCell(2))), words
        ),
        "rnn-mapped": lambda: abstract(
            nn.vmap(nn.RNN, **ENSEMBLE)(nn.GRUCell(2)), jnp.stack([words, words])
        ),
    }


def _of_dtypes(abstract: Any) -> Forms:
    """Layers told to work in bfloat16: the dtypes of what is computed on the way."""
    x = jnp.ones((2, 3, 4), jnp.bfloat16)

    def computed(module: Any) -> Any:
        """The dtypes of the operations, each once."""
        variables = jax.eval_shape(module.init, {"params": jax.random.key(0)}, x)
        text = str(jax.make_jaxpr(module.apply)(variables, x))
        return ", ".join(d for d in ("f32", "bf16", "f16", "f64") if f"{d}[2,3,4]" in text)

    half: dict[str, Any] = {"dtype": jnp.bfloat16, "param_dtype": jnp.bfloat16}
    return {
        "in-bfloat16-batch-norm": lambda: computed(
            nn.BatchNorm(use_running_average=True, force_float32_reductions=False, **half)
        ),
        "in-bfloat16-batch-norm-of-float32": lambda: computed(
            nn.BatchNorm(use_running_average=True, **half)
        ),
        "in-bfloat16-batch-norm-told": lambda: abstract(
            nn.BatchNorm(use_running_average=False, force_float32_reductions=False, **half), x
        ),
        "in-bfloat16-layer-norm": lambda: computed(
            nn.LayerNorm(force_float32_reductions=False, **half)
        ),
        "in-bfloat16-attention": lambda: abstract(nn.MultiHeadDotProductAttention(2, **half), x),
        "in-bfloat16-attention-softmax-in-float32": lambda: computed(
            nn.MultiHeadDotProductAttention(2, force_fp32_for_softmax=True, **half)
        ),
        "in-bfloat16-dense": lambda: computed(nn.Dense(4, **half)),
    }
