"""Slips in code of Flax that no use had reached are noticed by the uses that reach it; Flax itself is not."""

import flax
import pytest

from conformance.transforms.linen.uses import asked
from conformance.transforms.nnx.uses import base
from tests.conformance.transforms.slips import LINEN, NNX, Slip, is_mended, is_noticed, rewrite

SLIPS: dict[str, Slip] = {
    "a mask of one metric is given to none": (
        NNX,
        "metrics-of-kinds",
        "flax.nnx.training.metrics:MultiMetric.update",
        "mask.get(metric_name, None) if isinstance(mask, dict) else mask",
        "None if isinstance(mask, dict) else mask",
    ),
    "what spreads about two means is added as about one": (
        NNX,
        "metrics-of-kinds",
        "flax.nnx.training.metrics:Welford.update",
        "count * original_count / self.count",
        "count / self.count",
    ),
    "the names of metrics cannot be hashed": (
        NNX,
        "told-apart",
        "flax.nnx.training.metrics:MultiMetric.__init__",
        "tuple(metrics.keys())",
        "metrics.keys()",
    ),
    "what is made of other functions is the same": (
        NNX,
        "told-apart",
        "flax.nnx.graphlib:_graph_flatten",
        "if is_data is False:\n      attributes.append((key, Static(value)))",
        "if is_data is False:\n      attributes.append((key, Static(str(type(value)))))",
    ),
    "a held module that is compiled by hand is not written to": (
        NNX,
        "compiled-by-stages",
        "flax.nnx.transforms.compilation:SimplePartialCompiled.__call__",
        "_apply_raw_updates(self.jit_wrapped.partial_args, updates)",
        "pass",
    ),
    "what is asked of shapes alone is written": (
        NNX,
        "compiled-by-stages",
        "flax.nnx.transforms.compilation:JitWrapped.eval_shape",
        "args, kwargs = graphlib.clone((args, kwargs))",
        "pass",
    ),
    "a static argument takes the place of another": (
        NNX,
        "compiled-by-stages",
        "flax.nnx.transforms.compilation:JitWrapped.__init__",
        "in_shardings.insert(static_arg_index, None)",
        "pass",
    ),
    "a call within a call of the same function ends both": (
        NNX,
        "called-again",
        "flax.nnx.graphlib:UpdateContextManager.__enter__",
        "GRAPH_CONTEXT.update_context_stacks[self.tag].append(ctx)",
        "GRAPH_CONTEXT.update_context_stacks[self.tag][:] = [ctx]",
    ),
    "keys are those of the kind that is set": (
        NNX,
        "keys-of-kinds",
        "flax.nnx.rnglib:RngStream.__init__",
        "not jnp.issubdtype(key.dtype, jax.dtypes.prng_key)",
        "key.dtype != random.key(0).dtype",
    ),
    "old keys are none": (
        NNX,
        "keys-of-kinds",
        "flax.nnx.rnglib:RngStream.__init__",
        "key = random.wrap_key_data(key)",
        "pass",
    ),
    "a variable equals itself alone": (
        NNX,
        "all-operators",
        "flax.nnx.variablelib:Variable.__eq__",
        "self.get_value().__eq__(other)",
        "jnp.full(self.shape, self is other)",
    ),
    "what is taken away of a variable stays": (
        NNX,
        "asked-of-variables",
        "flax.nnx.variablelib:Variable.__delitem__",
        "self.set_value(value)",
        "pass",
    ),
    "metadata are added where they take the place of others": (
        NNX,
        "asked-of-variables",
        "flax.nnx.variablelib:Variable.set_metadata",
        "self._var_metadata = metadata",
        "self._var_metadata.update(metadata)",
    ),
    "a copy of arrays holds the variables of its original": (
        NNX,
        "copied-whole",
        "flax.nnx.graphlib:with_vars",
        "variable = x.copy(**new_attrs)",
        "variable = x",
    ),
    "a default stays after its context": (
        NNX,
        "references-held",
        "flax.nnx.variablelib:VarDefaultsContext.__exit__",
        "VARIABLE_CONTEXT.variable_ref_stack.pop()",
        "pass",
    ),
    "what comes in between takes the place of others": (
        NNX,
        "lists-and-dictionaries",
        "flax.nnx.helpers:List.insert",
        "range(self._length, index, -1)",
        "range(self._length, index + 1, -1)",
    ),
    "what is given by name is given to none": (
        NNX,
        "sequences",
        "flax.nnx.helpers:Sequential.__call__",
        "args = ()\n        kwargs = output",
        "args = tuple(output.values())\n        kwargs = {}",
    ),
    "texts for numbers are not found": (
        NNX,
        "functions-of-states",
        "flax.nnx.statelib:replace_by_pure_dict",
        "matched_key = int_kp",
        "continue",
    ),
    "a key becomes one of the kind that is set": (
        LINEN,
        "under-settings",
        "flax.core.lift:vmap",
        "rngs = random.split(rng, d_axis_size)",
        "rngs = random.wrap_key_data(random.key_data(random.split(rng, d_axis_size)))",
    ),
    "names are hashed as if they were one": (
        LINEN,
        "under-flags",
        "flax.core.scope:_fold_in_static",
        "m.update(b'\\00')",
        "pass",
    ),
    "a state is not frozen": (
        LINEN,
        "under-flags",
        "flax.core.scope:Scope.mutable_variables",
        "return freeze(xs)",
        "return xs",
    ),
    "a batch of keys is a key": (
        LINEN,
        "refused-calls",
        "flax.core.scope:_is_valid_rng",
        "return rng.shape == ()",
        "return True",
    ),
    "variables within others are not found out": (
        LINEN,
        "refused-calls",
        "flax.core.scope:_is_valid_variables",
        "if not _is_valid_collection(col):",
        "if False:",
    ),
    "what perturbs begins with ones": (
        LINEN,
        "asked-of-modules",
        "flax.linen.module:Module.perturb",
        "jax.tree.map(jnp.zeros_like, value)",
        "jax.tree.map(jnp.ones_like, value)",
    ),
    "what is bound has lost its streams": (
        LINEN,
        "asked-of-modules",
        "flax.linen.module:Module.bind",
        "core.bind(variables, rngs=rngs, mutable=mutable)",
        "core.bind(variables, mutable=mutable)",
    ),
    "groups are of other features": (
        NNX,
        "like-linen",
        "flax.nnx.nn.normalization:GroupNorm.__call__",
        "mean = jnp.repeat(mean, self.group_size, axis=1)",
        "mean = jnp.tile(mean, (1, self.group_size))",
    ),
    "what is transposed is not flipped": (
        NNX,
        "like-linen",
        "flax.nnx.nn.linear:ConvTranspose.__call__",
        "transpose_kernel=self.transpose_kernel",
        "transpose_kernel=not self.transpose_kernel",
    ),
    "what is past is what is to come": (
        NNX,
        "like-linen",
        "flax.nnx.nn.linear:Conv.__call__",
        "[(0, 0), (left_pad, 0), (0, 0)]",
        "[(0, 0), (0, left_pad), (0, 0)]",
    ),
    "a query is not normalised": (
        NNX,
        "like-linen",
        "flax.nnx.nn.attention:MultiHeadAttention.__call__",
        "query = self.query_ln(query)",
        "pass",
    ),
    "a memory forgets by what it takes in": (
        NNX,
        "like-linen",
        "flax.nnx.nn.recurrent:LSTMCell.__call__",
        "new_c = f * c + i * g",
        "new_c = i * c + f * g",
    ),
    "metadata are set of all": (
        NNX,
        "functions-of-states",
        "flax.nnx.graphlib:set_metadata",
        "state(node, only)",
        "state(node)",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_flax_is_noticed_and_its_control_is_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_noticed(SLIPS[name], 7, monkeypatch)


@pytest.mark.parametrize(("release", "any_words"), [("0.12.12", False), ("0.13.0rc1", True)])
def test_a_newer_release_may_use_other_words(
    release: str, any_words: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flax, "__version__", release)

    def raises() -> None:
        raise ValueError("other words")

    assert bool(base.refuses(raises, ValueError, "words of old")) is any_words
    assert not base.refuses(raises, TypeError, "other")
    assert asked.refuses((raises, ValueError, "words of old")) is any_words
    assert not asked.refuses((raises, TypeError, "other"))


def list_forgets_its_end(patch: pytest.MonkeyPatch) -> None:
    shorter = "self._length -= 1"
    forgets = "if index < self._length:\n      self._del_elem(self._length)"
    rewrite(patch, "flax.nnx.helpers:List.__delitem__", shorter, f"{shorter}\n    {forgets}")


def placings_have_none_of_what_is_static(patch: pytest.MonkeyPatch) -> None:
    where = "flax.nnx.transforms.compilation:SimpleJitPartialWrapped.__init__"
    given = "fun,\n          in_shardings,"
    rewrite(patch, where, given, "fun, (in_shardings[0], None, *in_shardings[1:]),")


def compiled_tells(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx.transforms import compilation

    for name in ("Compiled", "SimpleCompiled"):
        told = property(lambda each: each.compiled.args_info)
        patch.setattr(getattr(compilation, name), "args_info", told, raising=False)


def scans_carry_numbers(patch: pytest.MonkeyPatch) -> None:
    where, differs = "flax.nnx.transforms.iteration:_check_carry_same_references", "arg is not out"
    rewrite(patch, where, differs, f"{differs} and graphlib.is_graph_node(out)")


def variables_have_copies_of_their_own(patch: pytest.MonkeyPatch) -> None:
    where, first = "flax.nnx.variablelib:Variable.__getattr__", "if name in"
    rewrite(patch, where, first, f"if name == '__deepcopy__':\n    raise AttributeError\n  {first}")


def modules_are_told_apart_by_text(patch: pytest.MonkeyPatch) -> None:
    where, whole = (
        "flax.linen.transforms:_module_fingerprint",
        "_fingerprint_recursive(module, (), {})",
    )
    rewrite(patch, where, whole, f"str({whole})")


MENDS = {
    "compiled-apart": modules_are_told_apart_by_text,
    "carried-numbers": scans_carry_numbers,
    "deep-copies": variables_have_copies_of_their_own,
    "shortened-lists": list_forgets_its_end,
    "held-and-static": placings_have_none_of_what_is_static,
    "told-of-compiled": compiled_tells,
}
"""Uses that show known defects, and how Flax would be without them."""


@pytest.mark.parametrize("name", MENDS)
def test_a_use_that_shows_a_defect_holds_where_flax_is_mended(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transform = LINEN if name == "compiled-apart" else NNX
    assert is_mended(name, MENDS[name], 7, monkeypatch, transform)
