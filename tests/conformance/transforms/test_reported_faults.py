"""Faults of Flax that users met, and slips beside them, are noticed by the uses of its lifts."""

import pytest

from tests.conformance.transforms.slips import LINEN, NNX, Slip, is_noticed

FAULTS: dict[str, Slip] = {
    "a box has no place among the names of parameters": (
        LINEN,
        "normalised",
        "flax.linen.normalization:WeightNorm._l2_normalize",
        "jax.tree_util.keystr(path[1:], simple=True, separator='/')",
        "'/'.join(dict_key.key for dict_key in path[1:])",
    ),
    "a box is not told that it loses an axis": (
        LINEN,
        "averaged",
        "flax.core.lift:vmap",
        "meta.remove_axis(var_group, axis, metadata_params)",
        "var_group",
    ),
    "shorter sequences are turned round with what follows them": (
        LINEN,
        "recurrent",
        "flax.linen.recurrent:flip_sequences",
        "(idxs + seq_lengths)",
        "(idxs + max_steps)",
    ),
    "a module is as if set up once a lift has looked at it": (
        LINEN,
        "shared-setup",
        "flax.linen.module:Module._try_setup",
        "if not shallow:\n        self._state.setup_called",
        "if True:\n        self._state.setup_called",
    ),
    "what a module holds stays where the module was": (
        LINEN,
        "shared-scope",
        "flax.linen.module:share_scope",
        "m.scope.parent = new_scope",
        "pass",
    ),
    "a module keeps the scope that it gives up": (
        LINEN,
        "shared-scope",
        "flax.linen.module:share_scope",
        "object.__setattr__(module_to_update, 'scope', new_scope)",
        "pass",
    ),
    "a copy of a variable has the metadata of its original": (
        NNX,
        "copies-of-variables",
        "flax.nnx.variablelib:Variable.copy",
        "self.get_metadata() | updates",
        "self._var_metadata; new_metadata.update(updates)",
    ),
    "None counts as an argument where axes are given to all": (
        NNX,
        "nothing-among",
        "flax.nnx.extract:broadcast_prefix",
        "t, is_leaf=tree_is_leaf",
        "t, is_leaf=lambda x: x is None or bool(tree_is_leaf and tree_is_leaf(x))",
    ),
    "a decorator takes None for a variable": (
        NNX,
        "metadata-by-decorator",
        "flax.nnx.transforms.iteration:_apply_axis_fn",
        "extract.broadcast_prefix_map(apply_fn, axes, tree, is_leaf=is_leaf, prefix_leaf=prefix_leaf)",
        (
            "_, each = extract.broadcast_prefix2(axes, tree, is_leaf=is_leaf, prefix_leaf=prefix_leaf)\n"
            "  with_none = jax.tree.leaves(tree, is_leaf=lambda x: x is None or is_leaf(x))\n"
            "  [apply_fn((), axis, leaf) for axis, leaf in zip(each, with_none)]"
        ),
    ),
    "a scan gives one module what another one has become": (
        NNX,
        "sown-in-scan",
        "flax.nnx.transforms.iteration:_scan_merge_out",
        "graphdefs_deque.popleft()",
        "graphdefs_deque.pop()",
    ),
    "a loop that counts gives the module on that it is given": (
        NNX,
        "loop-of-new",
        "flax.nnx.transforms.iteration:fori_loop",
        "_reconsile_index_mapping(pure_init_val, pure_out)",
        "_add_fake_index_mapping(pure_init_val)",
    ),
    "a gradient by a variable is by parameters alone": (
        NNX,
        "gradient-of-variable",
        "flax.nnx.transforms.autodiff:_grad_general",
        "prefix is None or (prefix.argnum == -1 and isinstance(value, variablelib.Variable))",
        "prefix is None",
    ),
    "a module forgets under a map that it is called first": (
        NNX,
        "bridged-lazily",
        "flax.nnx.pytreelib:_flatten_pytree_state",
        "(state.initializing, state.is_setup)",
        "(False, state.is_setup)",
    ),
    "carries are not stacked for the shorter sequences": (
        NNX,
        "recurrent",
        "flax.nnx.nn.recurrent:RNN.__call__",
        "(iteration.Carry, (0, time_axis))",
        "(iteration.Carry, (iteration.Carry, time_axis))",
    ),
    "the last carry is that of the longest sequence": (
        NNX,
        "recurrent",
        "flax.nnx.nn.recurrent:_select_last_carry",
        "seq_lengths - 1",
        "0 * seq_lengths - 1",
    ),
    "shorter sequences are turned round with what is behind them": (
        NNX,
        "recurrent",
        "flax.nnx.nn.recurrent:flip_sequences",
        "(idxs + seq_lengths)",
        "(idxs + max_steps)",
    ),
    "metadata is of another kind in another order": (
        NNX,
        "order-of-metadata",
        "flax.nnx.variablelib:_variable_flatten",
        "tuple(sorted(x._var_metadata.items()))",
        "tuple(x._var_metadata.items())",
    ),
    "a function with a rule has its own context": (
        NNX,
        "rules-within",
        "flax.nnx.transforms.compilation:JitFn.__post_init__",
        "updated=())\n  self.ctxtag = orig_ctxtag",
        ")",
    ),
    "what is written passes by a hook": (
        NNX,
        "value-hooks",
        "flax.nnx.variablelib:Variable.set_value",
        "if 'on_set_value' in self._var_metadata:",
        "if False:",
    ),
    "what is read passes by a hook": (
        NNX,
        "value-hooks",
        "flax.nnx.variablelib:Variable.get_value",
        "if 'on_get_value' in self._var_metadata:",
        "if False:",
    ),
    "a hook is run where a map gives a variable back": (
        NNX,
        "value-hooks",
        "flax.nnx.variablelib:Variable.update_from_state",
        "self._raw_value = variable_state._raw_value",
        "self.set_value(variable_state._raw_value)",
    ),
    "a copy is the module itself": (
        NNX,
        "copied-and-popped",
        "flax.nnx.graphlib:clone",
        "graphdef, state = split(node, graph=graph)",
        "return node",
    ),
    "what is taken out stays": (
        NNX,
        "copied-and-popped",
        "flax.nnx.graphlib:_graph_pop",
        "node_impl.pop_key(node, name)",
        "pass",
    ),
    "a policy is not asked": (
        NNX,
        "policies",
        "flax.nnx.transforms.autodiff:remat",
        "prevent_cse=prevent_cse,\n      static_argnums=static_argnums,\n      policy=policy,\n    )\n\n",
        "prevent_cse=prevent_cse,\n      static_argnums=static_argnums,\n    )\n\n",
    ),
    "a filter has the sharding of another one": (
        NNX,
        "sharded-by-filter",
        "flax.nnx.transforms.compilation:StateSharding.__init__",
        "axis for _, axis in iterable",
        "axis for _, axis in iterable[::-1]",
    ),
    "a module bridged to NNX has one method": (
        NNX,
        "bridged-by-method",
        "flax.nnx.bridge.wrappers:ToNNX.__call__",
        "rngs=_rngs, method=method, mutable=mutable",
        "rngs=_rngs, mutable=mutable",
    ),
    "a module that is bridged both ways may not write": (
        LINEN,
        "bridged-both-ways",
        "flax.nnx.bridge.wrappers:ToNNX.__call__",
        "elif (m := current_linen_module()) is not None:",
        "elif False:",
    ),
}
"""By what is wrong."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_flax_is_noticed_and_its_control_is_not(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_noticed(FAULTS[fault], 7, monkeypatch)
