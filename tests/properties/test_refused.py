"""Functions that a map must refuse: by themselves they do what is said of them."""

import jax
import pytest
from packaging.version import Version

from conformance.transforms import TRANSFORMS
from properties import lacking
from properties.call import Axes, FunctionCall
from properties.law import violation
from properties.laws.errors.of_functions import FUNCTIONS
from properties.laws.errors.of_maps import MAPS
from properties.laws.errors.of_numpy import NUMPY
from properties.laws.errors.of_operations import OPERATIONS
from properties.laws.errors.refused import Refused
from properties.laws.errors.within import GIVEN, REFUSED
from properties.laws.errors.within import within_the_function as law
from properties.trees import Raised, attempt
from tests.conformance.mutation.rewriting import rewritten

EVERY = (*REFUSED, *MAPS, *FUNCTIONS, *NUMPY, *OPERATIONS)
THERE = [each for each in EVERY if each.is_there]
CALL = FunctionCall("softmax", {"batch": 3, "m": 2}, (Axes((0,), 0),), "float32", 7)
SIZES = "jax._src.api:_mapped_axis_size"
LOOPS = "jax._src.lax.control_flow.loops"
CONDITIONALS = "jax._src.lax.control_flow.conditionals"
DERIVATIVES = "jax._src.custom_derivatives"
DEVICES = "jax._src.shard_map"
FAULTS = (
    # The message names another argument, another size, another axis, or counts others.
    (SIZES, "list(ba.signature.parameters.keys())", "list(ba.signature.parameters.keys())[::-1]"),
    (SIZES, "res += keystr(key_path[1:])", "res += keystr(key_path[:1])"),
    (SIZES, "kwargs{keystr(p)} of", "kwargs of"),
    (SIZES, "if core.definitely_equal(isz, sz): return i", "if isz is not None: return i"),
    (
        SIZES,
        '{ct} of them) had size {sz}, e.g. axis {ax} of {ex};\\n")\n  for',
        '{sz} of them) had size")\n  for',
    ),
    (SIZES, "  * some axes ({ct}", "  * most axes ({ct}"),
    (SIZES, 'return f"args{keystr(key_path)}"\n    res', "i = 0\n    res"),
    (SIZES, "all_sizes.append(axis_size)", "return axis_size"),
    (SIZES, "axis + 1 if axis >= 0 else -axis", "axis + 1"),
    # A number is taken as it is where the size of the map is said.
    (
        SIZES,
        "      if not core.valid_jaxtype(x) or not isinstance(axis, int):",
        "      if axis_size is not None or not core.valid_jaxtype(x) or not isinstance(axis, int):",
    ),
    # References of which both are mapped are not compared.
    (
        "jax._src.api:vmap",
        "[None if d is None or batching.is_vmappable(x)",
        "[None if d is not None or batching.is_vmappable(x)",
    ),
    # It is of another class, or says nothing of what is wrong.
    (
        "jax._src.custom_batching:custom_vmap.__call__",
        "raise AttributeError(",
        "raise AssertionError(",
    ),
    (
        "jax._src.ad_checkpoint:save_from_both_policies",
        "isinstance(out1, bool) and isinstance(out2, bool)",
        "True",
    ),
    (f"{LOOPS}:_infer_scan_length", "', '.join(str(x.shape[0])", "', '.join(str(x.ndim)"),
    (
        f"{LOOPS}:_infer_scan_length",
        "if not all(length == l for l in lengths)",
        "if length < lengths[0]",
    ),
    (f"{LOOPS}:_check_carry_type", "if not core.typematch(in_aval, out_aval)]", "if True]"),
    (
        f"{LOOPS}:associative_scan",
        "if not all(int(elem.shape[axis]) == num_elems for elem in elems_flat[1:])",
        "if num_elems is None",
    ),
    (f"{CONDITIONALS}:switch", "if len(np.shape(index))", "if len(np.shape(index)) > 1"),
    (f"{DERIVATIVES}:custom_vjp.__call__", "raise AttributeError(msg)", "raise TypeError(msg)"),
    (f"{DERIVATIVES}:custom_vjp.defvjp", "raise NotImplementedError(", "raise ValueError("),
    ("jax._src.api:_vjp_check_ct_avals", "raise ValueError(", "raise TypeError("),
    (
        "jax._src.lax.parallel:_all_to_all_is_async",
        "if x.shape[split_axis] % group_size != 0",
        "if False",
    ),
    (
        "jax._src.lax.parallel:_all_to_all_is_async",
        "format(group_size, x.shape",
        "format(x.ndim, x.shape",
    ),
    (
        "jax._src.lax.slicing:_dynamic_slice_indices",
        "raise ValueError(msg.format(len",
        "raise IndexError(msg.format(len",
    ),
    (
        f"{DEVICES}:_spec_divisibility_error",
        "the passed args{keystr(fail_key)} of",
        "an argument of",
    ),
    ("jax._src.api:_mapped_axis_spec", "if non_none_count != 0 and", "if out_spec is None and"),
    ("jax._src.api:_mapped_axis_spec", "if i is not None:", "if i == 0:"),
    ("jax._src.api:_check_ema_unmapped_args", "if any(e in spec for e in ema)", "if False"),
    (f"{LOOPS}:_scan_leaf", "if aval.sharding.spec[0] is not None", "if False"),
    (f"{DEVICES}:_check_specs", "for key, p in generate_key_paths(specs):", "for key, p in ():"),
    (f"{DEVICES}:_spec_rank_error", "arg_key.idx >= len(params) or", "False or"),
    (f"{DEVICES}:_ref_raise_valueerror", "raise ValueError(", "raise TypeError("),
    # It says the name of a variable in place of its value, or stumbles over braces in a key.
    ("jax._src.random.core:binomial", 'f"dtype argument', '"dtype argument'),
    ("jax._src.numpy.linalg:slogdet", 'f"Argument to slogdet', '"Argument to slogdet'),
    (
        "jax._src.tree_util:_prefix_error",
        '"{metadata_diff}"',
        '"{metadata_diff}".format(name=name)',
    ),
    (
        "jax._src.numpy.lax_numpy:trace",
        "if _canonicalize_axis(axis1",
        "if False and _canonicalize_axis(axis1",
    ),
    ("jax._src.numpy.lax_numpy:triu_indices_from", "len(arr_shape) != 2", "len(arr_shape) > 2"),
    (
        f"{DERIVATIVES}:_closure_convert_for_avals",
        "raise TypeError(msg)",
        "raise AssertionError(msg)",
    ),
    ("jax._src.lax.lax:_top_k_abstract_eval", "if too_large:", "if False:"),
)
"""A function of JAX, what it is written as, and what it is with a fault that a message shows."""


@pytest.mark.parametrize("each", THERE, ids=lambda each: each.source.strip()[:40])
def test_each_works_alone_or_raises_alone_as_is_said(each: Refused) -> None:
    got = attempt(each.function(), jax.numpy.asarray(GIVEN[0][1]))
    jax.effects_barrier()
    assert isinstance(got, Raised) is not each.works_alone
    if isinstance(got, Raised):
        assert isinstance(got.error, each.kind)
        assert all(said in str(got.error) for said in each.says)


def test_many_are_refused_for_the_map_alone() -> None:
    assert sum(each.works_alone for each in EVERY) > 20


def test_an_axis_that_no_result_has_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert violation(law, TRANSFORMS["jax.vmap"], CALL) is None
    within = "if not -num_dims <= axis < num_dims:"
    last = f"axis = min(axis, num_dims - 1)\n  {within}"
    function, broken = rewritten("jax._src.util:canonicalize_axis", within, last)
    monkeypatch.setattr(function, "__code__", broken.__code__)
    assert "no result has the axis 2" in str(violation(law, TRANSFORMS["jax.vmap"], CALL))


def test_each_message_names_what_is_wrong() -> None:
    assert violation(law, TRANSFORMS["jax.vmap"], CALL) is None


@pytest.mark.parametrize(("where", "now", "fault"), FAULTS)
def test_a_message_of_something_else_is_noticed(
    where: str, now: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, broken = rewritten(where, now, fault)
    monkeypatch.setattr(function, "__code__", broken.__code__)
    assert violation(law, TRANSFORMS["jax.vmap"], CALL) is not None


def test_a_sum_scattered_over_fewer_than_it_has_rows_is_refused_once_jax_checks_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = FunctionCall("psum-scatter", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),))
    vmap = TRANSFORMS["jax.vmap"]
    assert violation(law, vmap, call) is not None
    # `y` has lost the examples' axis.
    checked = (
        "if y.shape[dy] % axis_size or (not tiled and y.shape[dy] != axis_size):\n"
        "    raise ValueError(f'{y.shape} over {axis_size}')\n"
        "  if tiled:"
    )
    function, mended = rewritten(
        "jax._src.lax.parallel:_reduce_scatter_collective", "if tiled:", checked
    )
    monkeypatch.setattr(function, "__code__", mended.__code__)
    assert violation(law, vmap, call) is None


@pytest.mark.parametrize(
    ("fault", "noticed"), [(SIZES, False), ("jax._src.custom_batching:custom_vmap.__call__", True)]
)
def test_a_newer_release_may_use_other_words_but_no_other_class(
    fault: str, noticed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, now, then = next(each for each in FAULTS if each[0] == fault)
    function, broken = rewritten(where, now, then)
    monkeypatch.setattr(function, "__code__", broken.__code__)
    monkeypatch.setattr(lacking, "MEASURED", Version("0.4.29"))
    assert (violation(law, TRANSFORMS["jax.vmap"], CALL) is not None) is noticed


@pytest.mark.skipif(not hasattr(jax, "new_ref"), reason="this release has no references")
def test_a_reference_that_a_map_hides_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from jax._src.interpreters import batching

    assert violation(law, TRANSFORMS["jax.vmap"], CALL) is None
    monkeypatch.setattr(batching.BatchTracer, "get_referent", lambda tracer: tracer)
    found = violation(law, TRANSFORMS["jax.vmap"], CALL)
    assert "of which one is mapped" in str(found)
