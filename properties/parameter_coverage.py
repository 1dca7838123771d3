"""Parameter coverage: which parameters of primitives the catalogue varies, from its traced programs.

A parameter that is the same wherever the catalogue reaches its primitive says nothing about the batching
rule's use of it: a fault there would not be noticed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
import jax

from properties.applicability import refusal
from properties.call import with_dtypes_of
from properties.sizes import some_call
from properties.subject import FunctionSubject
from properties.subjects import FUNCTIONS, RULES

_PROGRAM = "it is a program, of which each entry has another"
_PLACE = "it says where values are placed, or how they are compiled"
_INTERNAL = "JAX sets it by itself: no public function takes it"
_TREES = "it is the form of the arguments, of which a batching rule sees the arrays alone"
_ONE = "the CPU has one way"
_BY_REASON: Mapping[str, str] = {
    _PROGRAM: "body_jaxpr call_jaxpr cond_jaxpr jaxpr jaxprs branches fun_jaxpr jvp_jaxpr_fun "
    "jvp_jaxpr_thunk fwd_jaxpr_thunk fwd_jaxpr fun_jaxpr_thunk fwd bwd callback comparator update_jaxpr "
    "computation func call fun rule select_callable update_consts consts num_consts num_res select_prim",
    _PLACE: "sharding out_sharding in_shardings out_shardings in_layouts out_layouts layout ctx_mesh mesh "
    "context_mesh concrete_mesh dst_sharding unconstrained_dims device devices donated_invars keep_unused "
    "inline compiler_options_kvs compiler_options resource_env backend copy_semantics srcs memory_space "
    "prevent_mlir_dce partitioned use_magma",
    _INTERNAL: "out_dtype input_dtype kind effect logging_record has_placeholders weak_type effects name "
    "name_stack debug_info tag",
    _TREES: "tree in_tree out_tree out_trees static_args",
    _ONE: "accuracy precision algorithm implementation subset_by_index",
    "a map of an ordered effect is refused": "ordered",
    "a map by name takes no groups": "axis_index_groups group_offset",
    "it is a shape, which the sizes of calls vary": "result_avals broadcast_to.shape "
    "reduction_input_size_override spinfo",
    "it is the name of an axis, or the number of devices that has it": "axis_name axis_size",
    "it is how text is printed": "fmt np_printoptions",
}
EXEMPT: Mapping[str, str] = {
    **{name: reason for reason, names in _BY_REASON.items() for name in names.split()},
    **dict.fromkeys(
        ("psum.axes", "pmax.axes", "pmin.axes"),
        "a map by name moves its axis to the front before it reduces",
    ),
    **dict.fromkeys(
        (
            "ragged_dot_general.preferred_element_type",
            "ragged_dot_general.ragged_dot_dimension_numbers",
        ),
        "a map of it raises in most ways to write it, which is a known defect",
    ),
    **dict.fromkeys(
        (
            *("preduced.axes", "psum_invariant.axes", "pvary.axes", "reduced_vary_cast_p.axes"),
            *("unreduced_psum.axes", "vary_unreduced_cast_p.axes", "shard_map.newly_manual_axes"),
        ),
        "it is the name of the only axis of a mesh",
    ),
    "shard_map.check_vma": "what it leaves unchecked means nothing",
    "eig.enable_eigvec_derivs": "it changes derivatives alone, of which eig has none by default",
}
"""By parameter: why it need not vary."""


@attrs.frozen
class ParameterCoverage:
    """What the catalogue does with the parameters of primitives."""

    varied: tuple[str, ...]
    """`primitive.parameter`, of those that have two values or more."""
    exempt: Mapping[str, str]
    """Those that have one value, each with the reason why that will do."""
    constant: Mapping[str, str]
    """Those that have one value alone, with that value."""

    @property
    def percent(self) -> float:
        """How many of those that are not exempt vary."""
        of = len(self.varied) + len(self.constant)
        return 100 * len(self.varied) / of if of else 0.0


def parameter_coverage(
    subjects: Iterable[FunctionSubject] = (*FUNCTIONS, *RULES),
    exempt: Mapping[str, str] = EXEMPT,
) -> ParameterCoverage:
    """Trace each subject for one example, and read the parameters of every primitive in it.

    Args:
        subjects: What is traced; the installed release may lack what some of them call.
        exempt: The reasons by parameter, or by `primitive.parameter`.
    """
    seen: dict[str, set[str]] = {}
    for subject in subjects:
        for primitive, name, value in _of_subject(subject):
            seen.setdefault(f"{primitive}.{name}", set()).add(value)
    varied, excused, constant = [], {}, {}
    for key, values in sorted(seen.items()):
        reason = exempt.get(key) or exempt.get(key.split(".", 1)[1])
        if len(values) > 1:
            varied.append(key)
        elif reason:
            excused[key] = reason
        else:
            constant[key] = next(iter(values))
    return ParameterCoverage(tuple(varied), excused, constant)


def _of_subject(subject: FunctionSubject) -> Iterator[tuple[str, str, str]]:
    if refusal(subject):
        return
    for dtype in subject.dtypes[:2]:
        call = attrs.evolve(some_call(subject), dtype=dtype)
        with with_dtypes_of(call):
            try:
                jaxpr = jax.make_jaxpr(subject.function)(*call.example())
            except Exception:
                # What is not traced on this release has no parameters here.
                return
        yield from _of_jaxpr(jaxpr)


def _of_jaxpr(jaxpr: Any) -> Iterator[tuple[str, str, str]]:
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        for name, value in equation.params.items():
            inner = list(_jaxprs(value))
            for each in inner:
                yield from _of_jaxpr(each)
            yield equation.primitive.name, name, "a program" if inner else _text(value)


def _jaxprs(value: Any) -> Iterator[Any]:
    if hasattr(value, "eqns") or hasattr(getattr(value, "jaxpr", None), "eqns"):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _jaxprs(each)


def _text(value: Any) -> str:
    """The value as text that is the same for the same value."""
    # The implementation of a PRNG has a name, and no text of its own.
    text = repr(getattr(value, "name", None) or value)
    return text if " at 0x" not in text else type(value).__name__
