"""Slips in what Flax's own tests are about are noticed by the uses of its lifts; Flax as it is is not."""

import pytest

from tests.conformance.transforms.slips import LINEN, NNX, Slip, is_noticed

SLIPS: dict[str, Slip] = {
    "a variable that a module holds is one of the module itself": (
        LINEN,
        "passed-along",
        "flax.linen.transforms:set_module_scopes",
        "new_x = Variable(\n          scope=scopes[idx],",
        "new_x = Variable(\n          scope=scopes[-1],",
    ),
    "a method of a lift gives a variable": (
        LINEN,
        "refused-by-lifts",
        "flax.linen.transforms:_test_transformed_return_values",
        "isinstance(x, (Module, Variable))",
        "isinstance(x, Module)",
    ),
    "what is compiled is that of another module of the class": (
        LINEN,
        "compiled-once",
        "flax.linen.transforms:_fingerprint_recursive",
        "value = getattr(obj, field.name)\n          fingerprints",
        "value = field.name\n          fingerprints",
    ),
    "what is static by name is not": (
        LINEN,
        "compiled-once",
        "flax.core.lift:jit",
        "static_argnames=static_argnames,",
        "static_argnames=(),",
    ),
    "a bound method is called of the module outside": (
        LINEN,
        "branches-apart",
        "flax.linen.transforms:lift_direct_transform",
        "targets = tuple(_get_unbound_fn(target) for target in targets)",
        "targets = tuple(lambda _, *a, f=f: f(*a[-1:]) for f in targets)",
    ),
    "a branch too far is the first one": (
        LINEN,
        "branches-apart",
        "flax.core.lift:switch",
        "jax.lax.switch(index, pure_branches, *operands)",
        "jax.lax.switch(index % (len(branches) - 1), pure_branches, *operands)",
    ),
    "each turn of a loop has keys of its own": (
        LINEN,
        "loop-carries",
        "flax.core.lift:while_loop",
        "if rng_split:",
        "if True:",
    ),
    "all methods are lifted as the first one is": (
        LINEN,
        "scanned-methods",
        "flax.linen.transforms:module_class_lift_transform",
        "{k: ((), v) for k, v in methods.items()}",
        "{k: ((), next(iter(methods.values()))) for k in methods}",
    ),
    "a module that changes its place is another one": (
        NNX,
        "rewired",
        "flax.nnx.graphlib:_graph_flatten",
        "ref_outer_index[node]\n    if is_graph_node_",
        "ref_outer_index[node]\n    if is_graph_node_ and len(path) < 2",
    ),
    "an array that is no variable is lost": (
        NNX,
        "arrays-held",
        "flax.nnx.graphlib:_graph_unflatten",
        "children.append((key, leaf))",
        "children.append((key, leaf if outer_index_outer_ref is None else None))",
    ),
    "a branch leaves what it has not written to as it was": (
        NNX,
        "names-in-loops",
        "flax.nnx.transforms.transforms:SimpleCondFn.__call__",
        "keep_fn=lambda *_: True",
        "keep_fn=lambda path, *_: len(path) < 3",
    ),
    "a result of all steps is one of each": (
        NNX,
        "refused-scans",
        "flax.nnx.transforms.iteration:_check_out_axes",
        "if x is None:",
        "if x is ...:",
    ),
    "a bound method is taken for a function": (
        NNX,
        "refused-methods",
        "flax.nnx.transforms.transforms:_resolve_bound_callable",
        "(bound_self if was_bound else None), was_bound",
        "None, False",
    ),
    "a captured variable is given back": (
        NNX,
        "refused-aliases",
        "flax.nnx.extract:check_no_aliases",
        "if not leaf._can_update:",
        "if False:",
    ),
    "what all examples share is stacked": (
        NNX,
        "refused-writes",
        "flax.nnx.transforms.iteration:vmap",
        "out_axes=(jax_in_axes, jax_out_axes)",
        "out_axes=(jax.tree.map(lambda a: a or 0, jax_in_axes, is_leaf=lambda a: a is None), jax_out_axes)",
    ),
    "axes are alike only where they are written alike": (
        NNX,
        "axes-alike",
        "flax.nnx.transforms.iteration:StateAxes.map_prefix",
        "      return axis\n",
        "      return (self, axis)\n",
    ),
    "what a scan gives along another axis is as it was": (
        NNX,
        "lifted-methods",
        "flax.nnx.transforms.iteration:_scan_merge_out",
        "x = jnp.moveaxis(x, 0, prefix)",
        "x = x",
    ),
    "a compiled call leaves what it has written": (
        NNX,
        "compiled-ahead",
        "flax.nnx.transforms.compilation:Compiled.__call__",
        "pure_args_out, pure_kwargs_out, pure_out\n    )\n  return",
        "pure_args, pure_kwargs, pure_out\n    )\n  return",
    ),
    "what perturbs a part is not given to it": (
        NNX,
        "captured",
        "flax.nnx.module:_collect_state_by_path",
        "collect(value, path_parts + [key])",
        "collect(value, path_parts)",
    ),
    "a kind of stream is all others": (
        NNX,
        "pure-forms",
        "flax.nnx.filterlib:WithTag.__call__",
        "x.tag == self.tag",
        "x.tag != self.tag",
    ),
    "a map over devices gives back what it was given": (
        NNX,
        "over-mesh",
        "flax.nnx.transforms.compilation:ShardMapFn.__call__",
        "return pure_args_out, pure_kwargs_out, pure_out",
        "return pure_args, pure_kwargs_out, pure_out",
    ),
    "a variable gains the first axis, whichever is mapped": (
        NNX,
        "named-on-mesh",
        "flax.nnx.spmd:add_axis",
        "iterable.insert(index, value)",
        "iterable.insert(0, value)",
    ),
    "an average keeps what it should take": (
        NNX,
        "averages",
        "flax.nnx.training.ema:EMA.update",
        "self.decay * ema + (1.0 - self.decay) * update",
        "(1.0 - self.decay) * ema + self.decay * update",
    ),
    "what is gone through back of Linen is turned round": (
        LINEN,
        "both-at-once",
        "flax.linen.recurrent:Bidirectional.__call__",
        "keep_order=True",
        "keep_order=False",
    ),
    "both ways start from what one starts from": (
        NNX,
        "both-at-once",
        "flax.nnx.nn.recurrent:Bidirectional.__call__",
        "initial_carry=initial_carry_backward",
        "initial_carry=None",
    ),
    "the name of an axis comes first in its collection": (
        LINEN,
        "axes-by-collection",
        "flax.linen.partitioning:_add_axis_to_metadata",
        "names.insert(axis_pos, axis_name)",
        "names.insert(0, axis_name)",
    ),
    "a box says in a spec what it was before": (
        LINEN,
        "names-by-hand",
        "flax.core.meta:Partitioned.get_partition_spec",
        "PartitionSpec(*self.names)",
        "PartitionSpec(*self.names[1:])",
    ),
    "a view is as its original": (
        NNX,
        "unpacked",
        "flax.nnx.module:view",
        "node.set_view(**kwargs)",
        "pass",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_flax_is_noticed_and_its_control_is_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_noticed(SLIPS[name], 7, monkeypatch, anew=True)
