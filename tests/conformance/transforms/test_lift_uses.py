"""Slips written into the sources of Flax are noticed by the uses of its lifts, and Flax as it is is not."""

import importlib
import inspect
import textwrap
from typing import Any

import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, ModuleCall
from properties.law import violation
from properties.laws import LAWS
from properties.subjects import SUBJECTS

LAW = LAWS["sharing.documented-uses"]
NNX, LINEN = "flax.nnx.vmap", "flax.linen.vmap"


def rewrite(patch: pytest.MonkeyPatch, where: str, old: str, new: str) -> None:
    """Have a function, or a method of a class, of a module of Flax be what its source is with a slip."""
    path, name = where.split(":")
    holder: Any = importlib.import_module(path)
    scope = vars(holder)
    *of, name = name.split(".")
    for each in of:
        holder = getattr(holder, each)
    whole = getattr(holder, name)
    source = textwrap.dedent(inspect.getsource(whole))
    if source.count(old) != 1:
        pytest.skip("this release of Flax has it otherwise")
    made: dict[str, Any] = {}
    exec(compile(source.replace(old, new), inspect.getfile(holder), "exec"), scope, made)
    patch.setattr(holder, name, made[name])
    while "." in path:
        path = path.rpartition(".")[0]
        public = importlib.import_module(path)
        if vars(public).get(name) is whole:
            patch.setattr(public, name, made[name])


SLIPS: dict[str, tuple[str, str, str, str, str]] = {
    "names are padded by one too many": (
        LINEN,
        "metadata",
        "flax.core.meta:Partitioned.add_axis",
        "len(names) < index",
        "len(names) <= index",
    ),
    "a scan tells its boxes no axis but the first": (
        LINEN,
        "scanned-names",
        "flax.core.lift:scan",
        "meta.add_axis(scan_group, axis,",
        "meta.add_axis(scan_group, 0,",
    ),
    "two exceptions are one that is smaller": (
        LINEN,
        "mapped-variables",
        "flax.core.lift:intersect_filters",
        "DenyList(union_filters(b.deny, a.deny))",
        "DenyList(intersect_filters(b.deny, a.deny))",
    ),
    "what is made is not mapped on its way out": (
        LINEN,
        "mapped-variables",
        "flax.core.lift:map_variables",
        "target, _ = repack(scopes)\n        target = tuple(map_out_fn(x) for x in target)",
        "target, _ = repack(scopes)",
    ),
    "a lift has a name in small letters": (
        LINEN,
        "names-by-lift",
        "flax.linen.transforms:module_class_lift_transform",
        "transform.__name__.capitalize()",
        "transform.__name__",
    ),
    "a scan within forgets which streams are split": (
        LINEN,
        "scanned-deep",
        "flax.core.lift:remat_scan",
        "        variable_axes,\n        split_rngs,\n",
        "        variable_axes,\n",
    ),
    "a stream that is not split is split": (
        LINEN,
        "scanned-trees",
        "flax.core.lift:scan",
        "tree_map_rngs(split_fn, rng_group) if split else rng_group",
        "tree_map_rngs(split_fn, rng_group)",
    ),
    "what is static is one argument further on": (
        LINEN,
        "static-arguments",
        "flax.core.lift:checkpoint",
        "lambda x: x + 2",
        "lambda x: x + 1",
    ),
    "what one step sows is kept for all": (
        LINEN,
        "sown-by-steps",
        "flax.core.axes_scan:scan",
        "perm = tuple(range(1, pax + 1)) + (0,) + tuple(range(pax + 1, x.ndim))",
        "perm = tuple(range(x.ndim))",
    ),
    "a module that is held twice is made twice": (
        LINEN,
        "held-modules",
        "flax.linen.transforms:_memoize_by_id",
        "    if x_id not in refs:\n      refs[x_id] = fn(x)\n    return refs[x_id]",
        "    return fn(x)",
    ),
    "a tangent is what it is along": (
        LINEN,
        "derivatives",
        "flax.core.lift:jvp",
        "(variable_tangents, tangents)",
        "(variable_tangents, args)",
    ),
    "metadata that changes is not kept": (
        NNX,
        "metadata-set",
        "flax.nnx.variablelib:Variable.update_from_state",
        "self._var_metadata != variable_state._var_metadata",
        "self._var_metadata.keys() != variable_state._var_metadata.keys()",
    ),
    "what a bridged module holds is replaced": (
        NNX,
        "bridged-deep",
        "flax.nnx.bridge.wrappers:ToNNX.__call__",
        "bv._recursive_merge(original_value, value)",
        "{**original_value, **value}",
    ),
    "a box loses the first axis of the name": (
        LINEN,
        "names-alike",
        "flax.core.meta:Partitioned.remove_axis",
        "assert names.pop(index) == axis_name",
        "names.remove(axis_name)",
    ),
    "a variable loses the first axis of the name": (
        NNX,
        "names-alike",
        "flax.nnx.spmd:remove_axis",
        "removed = iterable.pop(index)",
        "iterable.remove(value); removed = value",
    ),
    "a variable without names is not told of its axes": (
        NNX,
        "axis-hooks",
        "flax.nnx.spmd:remove_axis",
        "      x.remove_axis(index, axis_name)\n",
        "      x.has_metadata('out_sharding') and x.remove_axis(index, axis_name)\n",
    ),
    "a variable that is made is not told of its axis": (
        NNX,
        "axis-hooks",
        "flax.nnx.spmd:add_axis",
        "      x.add_axis(index, axis_name)\n",
        "      x.has_metadata('out_sharding') and x.add_axis(index, axis_name)\n",
    ),
    "branches give back what they change alone": (
        NNX,
        "changed-in-branches",
        "flax.nnx.transforms.transforms:SimpleCondFn.__call__",
        "current, snapshot, keep_fn=lambda *_: True",
        "current, snapshot",
    ),
    "a value takes the place of the inner box": (
        LINEN,
        "boxes-within",
        "flax.core.meta:replace_boxed",
        "c.replace_boxed(replace_boxed(c.unbox(), v))",
        "c.replace_boxed(v)",
    ),
    "a bridged module keeps its state with its parameters alone": (
        LINEN,
        "bridged",
        "flax.nnx.bridge.wrappers:ToLinen._update_variables",
        "if self.is_mutable_collection(collection):",
        "if self.is_mutable_collection('params'):",
    ),
    "what a scan makes is not told of its axis": (
        NNX,
        "scanned-names",
        "flax.nnx.transforms.iteration:ScanFn.__call__",
        "(pure_args_out, pure_out),\n        self.transform_metadata,",
        "(pure_args_out, pure_out),\n        {**self.transform_metadata, spmd.PARTITION_NAME: None},",
    ),
    "an axis has the last of its variables": (
        NNX,
        "axes-of-state",
        "flax.nnx.statelib:create_path_filters",
        "value_paths.setdefault(value, set()).add(path)",
        "value_paths[value] = {path}",
    ),
    "copies of a stream do not count as a draw": (
        NNX,
        "streams-by-filter",
        "flax.nnx.rnglib:RngStream.broadcast",
        "key = self()",
        "key = self.key[...]",
    ),
    "a stream that is split by a function has the key itself": (
        NNX,
        "streams-by-filter",
        "flax.nnx.rnglib:RngStream.split",
        "random.split(self(), k)",
        "random.split(self.key[...], k)",
    ),
    "members that are seeded anew have one key": (
        NNX,
        "reseeded",
        "flax.nnx.rnglib:_match_shape",
        "random.split(scalar_key, target_shape)",
        "jnp.broadcast_to(scalar_key, target_shape)",
    ),
    "forks are given back as they are": (
        NNX,
        "forked-by-filter",
        "flax.nnx.rnglib:_graph_updates_fork_rngs",
        "(stream, stream.key[...],",
        "(stream, forked_stream.key[...],",
    ),
    "what is written along a tangent is lost": (
        NNX,
        "derivatives",
        "flax.nnx.transforms.autodiff:SimpleJvpFn.__call__",
        "extract.get_updates(current, snapshot)",
        "extract.get_updates(snapshot, snapshot)",
    ),
    "what is written by a rule of its own is lost": (
        NNX,
        "derivatives",
        "flax.nnx.transforms.autodiff:SimpleFwdFn.__call__",
        "extract.get_updates(current, snapshot)",
        "extract.get_updates(snapshot, snapshot)",
    ),
    "a rule of its own is given the slopes of nothing": (
        NNX,
        "derivatives",
        "flax.nnx.transforms.autodiff:BwdFn.__call__",
        "residual, (pure_args_out_g, pure_out_g))",
        "residual, jax.tree.map(lambda x: 0 * x, (pure_args_out_g, pure_out_g)))",
    ),
    "what is given aside is not put together": (
        NNX,
        "module-aside",
        "flax.nnx.transforms.autodiff:GradFn.__call__",
        "fn_out = (loss, (pure_args_out, pure_aux))",
        "fn_out = (loss, (pure_args_out, 2))",
    ),
    "counts are kept from before the split": (
        NNX,
        "dropout-of-members",
        "flax.nnx.rnglib:_graph_updates_split_rngs",
        "      key = stream()\n      backups.append((stream, stream.key[...], stream.count[...]))",
        "      backups.append((stream, stream.key[...], stream.count[...]))\n      key = stream()",
    ),
    "a scan goes on where it should go back": (
        NNX,
        "scanned-back",
        "flax.nnx.transforms.iteration:_simple_scan",
        "reverse=reverse,\n        unroll=unroll,",
        "unroll=unroll,",
    ),
    "a scan that updates the graph goes on": (
        NNX,
        "scanned-back",
        "flax.nnx.transforms.iteration:_graph_updates_scan",
        "reverse=reverse,\n      unroll=unroll,",
        "unroll=unroll,",
    ),
    "a rule is not told the slopes of what is written": (
        NNX,
        "slopes-of-changes",
        "flax.nnx.transforms.autodiff:SimpleBwdFn.__call__",
        "kwargs = extract.filter_kwargs(self.bwd, updates_g=updates_g)",
        "kwargs = {'updates_g': jax.tree.map(lambda leaf: 0 * leaf, updates_g)}",
    ),
    "what is written in what is checked is lost": (
        NNX,
        "checked",
        "flax.nnx.transforms.transforms:SimpleCheckifyFn.__call__",
        "extract.get_updates(current, snapshot)",
        "extract.get_updates(snapshot, snapshot)",
    ),
    "what is static has no name": (
        NNX,
        "static-arguments",
        "flax.nnx.transforms.compilation:SimpleJitWrapped.__init__",
        "static_argnames=static_argnames,",
        "static_argnames=None,",
    ),
    "nothing is static in what is made again": (
        NNX,
        "static-arguments",
        "flax.nnx.transforms.autodiff:remat",
        "prevent_cse=prevent_cse,\n      static_argnums=static_argnums,\n      policy=policy,\n    )\n\n",
        "prevent_cse=prevent_cse,\n      policy=policy,\n    )\n\n",
    ),
    "what is given away is not given back": (
        NNX,
        "donated",
        "flax.nnx.transforms.compilation:SimpleJitFn.__call__",
        "return arg_key in self.donate_argnums",
        "return False",
    ),
    "an optimizer forgets its speed": (
        NNX,
        "optimised",
        "flax.nnx.training.optimizer:Optimizer.update",
        "nnx.update(self.opt_state, nnx.state(new_opt_state, graph=self.graph))",
        "pass",
    ),
    "metadata is lost where shapes alone are asked": (
        NNX,
        "abstract",
        "flax.nnx.transforms.transforms:_to_value_metadata",
        "metadata = x.get_metadata()",
        "metadata = {}",
    ),
    "a bridged module has one method": (
        LINEN,
        "bridged-methods",
        "flax.nnx.bridge.wrappers:_get_module_method",
        "  if method is None:\n    method = '__call__'\n",
        "  method = '__call__'\n",
    ),
    "a compiled module counts its draws from the start": (
        LINEN,
        "jitted-streams",
        "flax.core.lift:_restore_rng_counters",
        "new.sub(old)",
        "new",
    ),
    "a rule for some variables is one for all": (
        NNX,
        "differentiated-parts",
        "flax.nnx.transforms.autodiff:_custom_vjp_split_fn",
        "graphdef, passed, broadcast = ctx.split(value, prefix.filter, ...)",
        "graphdef, passed, broadcast = *ctx.split(value), State({})",
    ),
    "a gradient is by all parameters": (
        NNX,
        "differentiated-parts",
        "flax.nnx.transforms.autodiff:_grad_general",
        "dataclasses.replace(argnum, argnum=-1)",
        "DiffState(-1, variablelib.Param)",
    ),
    "integers are refused where no graph is updated": (
        NNX,
        "differentiated-types",
        "flax.nnx.transforms.autodiff:_grad_general",
        "        has_aux=True,\n        holomorphic=holomorphic,\n        allow_int=allow_int,",
        "        has_aux=True,\n        holomorphic=holomorphic,",
    ),
    "a decorator is for streams of all names": (
        NNX,
        "streams-for-call",
        "flax.nnx.rnglib:with_rngs",
        "            only=only,\n            graph=graph,\n",
        "            graph=graph,\n",
    ),
    "a stream that is forked does not count it": (
        NNX,
        "streams-for-call",
        "flax.nnx.rnglib:RngStream.fork",
        "key = self()",
        "key = self.key[...]",
    ),
}
"""What is wrong; the transform and its use that must notice it; the function, and the slip in its source."""


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_flax_is_noticed_and_its_control_is_not(
    slip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transform, name, where, old, new = SLIPS[slip]
    host, subject = TRANSFORMS[transform], SUBJECTS[f"use.{name}"]
    if LAW.skip_reason(host, subject) is not None:
        pytest.skip(f"this release of Flax has no {name}")
    # A module that is given aside is lost where the graph is not updated, which is every other seed.
    seed = 6 if name == "module-aside" else 7
    call = ModuleCall(subject.name, {"batch": 3, "m": 2}, (Axes((0,)),), {}, {}, seed=seed)
    assert violation(LAW, host, call) is None
    with monkeypatch.context() as patch:
        rewrite(patch, where, old, new)
        assert violation(LAW, host, call) is not None
