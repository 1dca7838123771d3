"""What a file does with objects whose type its text tells."""

import ast
from typing import Any

import pytest

from conformance.events.user_code import Operation, Use
from conformance.observations.objects import CHANGES, OPERATIONS
from conformance.upgrade.detectors.objects import IN_CODE
from conformance.upgrade.sources.of_objects import done_in
from tests.conformance.upgrade.user_sides import found, near, side

SPEC = "from jax.sharding import PartitionSpec as P\n"
CASES = {
    "import jax\nc = jax.jit(f).lower(x).compile()\nc.cost_analysis()": (
        3,
        "Compiled: .cost_analysis()",
    ),
    "import jax\n_, pull = jax.vjp(f, x)\npull.args": (3, "Pullback: .args"),
    "import jax\nout, pull = jax.vjp(f, x)\nisinstance(pull, jax.tree_util.Partial)": (
        3,
        "Pullback: is a Partial",
    ),
    "import jax\nfor e in jax.make_jaxpr(f)(1.0).jaxpr.eqns:\n    e.params": (
        3,
        "Equation: .params",
    ),
    f"{SPEC}spec = P('i')\nspec + (None,)": (3, "PartitionSpec: + (1,)"),
    f"{SPEC}len(P('i'))": (2, "PartitionSpec: len"),
    f"{SPEC}assert P('i') == ('i',)": (2, "PartitionSpec: == a tuple"),
    "from flax import nnx\nd = {}\np = nnx.Param(x)\nd[p]": (4, "Param: key of a dict"),
    "from flax import nnx\nclass M(nnx.Module):\n  def __init__(self):\n    self.w = nnx.Param(x)\n"
    "M().w.value": (5, "Param: .value"),
    "from flax import nnx\no = nnx.Optimizer(m, t)\no.update(g)": (3, "Optimizer: .update(1"),
    "import jax\nx.memory_kind": (2, "an object: .memory_kind"),
    # What a function is given where the file calls it.
    "from flax import nnx\n@nnx.jit\ndef f(v):\n  v += 1\nf(nnx.Param(1))": (4, "Param: += 1"),
    "from flax import nnx\nclass C(nnx.Variable):\n  pass\nclass M(nnx.Module):\n  def __init__(self):\n"
    "    self.n = C(1)\n  def f(self):\n    self.n.value += 1": (8, "Param: .value"),
    "from flax import nnx\nclass C(nnx.Variable[Array]):\n  pass\nC(1).value": (4, "Param: .value"),
    "from flax import nnx\ndef f(optimizer):\n  return optimizer.step.value": (3, "Param: .value"),
    "from flax import nnx\ndef f(model):\n  return model.a.kernel.value": (3, "Param: .value"),
    "from flax import nnx\nfor p, v in nnx.to_flat_state(s):\n  v.value": (3, "Param: .value"),
    "from flax import nnx\n[v.value for p, v in nnx.state(m).flat_state().items()]": (
        2,
        "Param: .value",
    ),
    "from flax import nnx\nfor p, v in sorted(nnx.state(m).flat_state()):\n  v.value = 1": (
        3,
        "Param: .value =",
    ),
    "from flax import nnx\nclass C(nnx.Variable):\n  pass\nif isinstance(v, C):\n  v.value": (
        5,
        "Param: .value",
    ),
    "from flax import nnx\n"
    "for p, v in nnx.iter_graph(m):\n  if isinstance(v, nnx.Param):\n    v.value = v + 1": (
        4,
        "Param: .value =",
    ),
    "from flax import nnx\ndef f(*, v):\n  v += 1\nf(v=nnx.Param(1))": (3, "Param: += 1"),
    "from flax import nnx\nclass A:\n  def a(self):\n    def f(v):\n      v += 1\n    f(nnx.Param(1))\n"
    "  def b(self):\n    def f(v):\n      v += 1\n    f(3)": (5, "Param: += 1"),
}
NOT_GIVEN = (
    "from flax import nnx\nclass C(list[nnx.Param]):\n  pass\nv = C(1)\nv += 1",
    "from flax import nnx\ndef f(v):\n  v += 1\nf(nnx.Param(1))\nf(2)",
    "from flax import nnx\ndef f(v):\n  v += 1\nf(*[nnx.Param(1)])",
    "from flax import nnx\ndef f(u, v):\n  v += 1\nf(nnx.Param(1), x)",
    "from flax import nnx\ndef f(v):\n  v += 1\ndef g():\n  def f(v):\n    return v\n  f(nnx.Param(1))",
    "from flax import nnx\ndef f(v):\n  v += 1\nv = nnx.Param(1)\no.f(v)",
)
"""A parameter of more types than one, or of none that the text tells."""


@pytest.mark.parametrize("source", NOT_GIVEN)
def test_a_parameter_has_a_type_only_where_every_call_gives_it(source: str) -> None:
    assert not [each for each in done_in(source, "a.py") if each.name.endswith("+= 1")]


@pytest.mark.parametrize("source", CASES)
def test_what_is_done_with_an_object_is_found_with_its_line(source: str) -> None:
    line, name = CASES[source]
    assert Operation(file="a.py", line=line, name=name) in done_in(source, "a.py")


@pytest.mark.parametrize(
    "source",
    [
        "import jax\njax.numpy.sum(x)",
        "import re\nc = re.compile(x)\nc.pattern",
        "spec = P('i')\nspec + (None,)",
        "import jax\ndef f(spec):\n  return spec + (None,)",
        "from flax import nnx\nfor p, v in nnx.to_flat_state(s):\n  v.shape + v.mean()",
        "from flax import nnx\nfor v in sorted(o.flat_state()):\n  v.value",
        "from flax import nnx\nimport numpy as np\ndef f(v):\n  if isinstance(v, np.ndarray):\n    v.value",
        "from flax import nnx\ndef f(v):\n  if isinstance(v, nnx.Param):\n    pass\n  else:\n    v.value",
        "from flax import nnx\ndef f(v):\n  if isinstance(v, nnx.Param):\n    pass\n  v.value",
        "from flax import nnx\ndef f(x, kernel):\n  return x.bias.value, x.mode.value, kernel.value",
    ],
)
def test_no_type_is_told_where_the_text_does_not_say_it(source: str) -> None:
    assert all(each.name.startswith("an object: ") for each in done_in(source, "a.py"))


MESH = Use(file="a.py", line=1, name="jax.sharding.Mesh")


def test_a_change_of_an_object_is_near_the_line_that_meets_it() -> None:
    key = "objects/Mesh"
    was, now = (
        {key: {"hash": "True", ".size": "1"}},
        {key: {"hash": "!TypeError: no", ".size": "1"}},
    )
    does = (Operation(file="a.py", line=7, name="Mesh: hash"),)
    other = (Operation(file="a.py", line=7, name="Mesh: .size"),)
    assert near((MESH,), was, now, does) == [
        ("a.py:7", "Mesh", "`hash(x)` worked; now TypeError: no")
    ]
    assert near((MESH,), was, now, other) == []


def test_a_method_that_needs_more_is_near_who_gives_less() -> None:
    key = "objects/Optimizer"
    was, now = (
        {key: {".update": "callable", ".update(": f"needs {needs}"}}
        for needs in ("grads", "model, grads")
    )
    use = Use(file="a.py", line=1, name="flax.nnx.Optimizer")
    for given, told in ((1, True), (2, False)):
        does = (Operation(file="a.py", line=3, name=f"Optimizer: .update({given}"),)
        found = near((use,), was, now, does)
        said = "`.update(...)` needed grads; now it needs model, grads"
        assert found == ([("a.py:3", "Optimizer.update(...)", said)] if told else [])


def test_an_attribute_that_many_objects_have_is_near_no_line_of_an_unknown_one() -> None:
    key = "objects/Mesh"
    usual = ((".shape", False), (".kernel_init", False), (".keywords", False))
    for attribute, told in (*usual, (".device_ids", True)):
        was, now = {key: {attribute: "1", "hash": "True"}}, {key: {"hash": "True"}}
        does = (Operation(file="a.py", line=3, name=f"an object: {attribute}"),)
        assert bool(near((MESH,), was, now, does)) is told


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("AxisPrimitive", "Primitive", False),
        ("Primitive", "AxisPrimitive", False),
        ("SingleDeviceSharding", "NamedSharding", True),
        ("int", "float", True),
    ],
)
def test_a_class_that_is_derived_from_the_other_by_its_name_concerns_nobody(
    before: str, after: str, told: bool
) -> None:
    key = "objects/Jit equation"
    was, now = ({key: {".primitive": value}} for value in (before, after))
    use = Use(file="a.py", line=1, name="jax.make_jaxpr")
    does = (Operation(file="a.py", line=3, name="an object: .primitive"),)
    assert bool(near((use,), was, now, does)) is told


def test_every_operation_is_shown_as_code_does_it() -> None:
    walked = {*OPERATIONS, *CHANGES, "== another like it"}
    assert {what for what in walked if what not in IN_CODE} == set()
    for shown in IN_CODE.values():
        ast.parse(f"{shown} pass" if shown.startswith("with") else shown)


def test_calls_that_an_object_shows_too_are_said_once() -> None:
    calls, key = "calls/flax.nnx.vmap/operator-ne", "objects/Param"
    was = {calls: {"gives": "* of bool[]", "values": [False]}, key: {"== another": "False"}}
    now = {calls: {"type": "ValueError", "line": "ambiguous"}, key: {"== another": "Array bool[2]"}}
    use = Use(file="a.py", line=1, name="flax.nnx.Param", positional=1)
    compared = Operation(file="a.py", line=4, name="Variables compared")
    of_param = Operation(file="a.py", line=4, name="Param: == another")
    elsewhere = Operation(file="a.py", line=9, name="Variables compared")
    alone = near((use,), was, now, (compared,))
    both = near((use,), was, now, (compared, of_param))
    more = near((use,), was, now, (compared, of_param, elsewhere))
    assert [line[0] for line in alone] == ["a.py:4"]
    assert [(line[0], line[1]) for line in both] == [("a.py:4", "Param")]
    assert len(more) == 2, "a place that no line on an object names"


def test_a_deprecated_attribute_is_known_of_every_line_of_a_file_that_has_such_an_object() -> None:
    key, said = "objects/Param", "use variable[...]"
    was, now = {key: {".value": "Array"}}, {key: {".value": "Array", ".value warns": said}}
    use = Use(file="a.py", line=1, name="flax.nnx.Param")
    typed = Operation(file="a.py", line=4, name="Param: .value")
    unknown = Operation(file="a.py", line=9, name="an object: .value")

    def told(before: Any, after: Any, *operations: Operation) -> Any:
        two = (side({}, values, uses=(use,), operations=operations) for values in (before, after))
        mine = found(*two)
        assert mine.near == ()
        return [(line.where, line.what, line.sentence) for line in mine.know]

    assert told(was, now, typed, unknown) == [
        ("a.py:4, 9", "Param.value", f"deprecated now: {said}")
    ]
    assert told(was, now, unknown) == []
    for before in ({".value": "Array", ".value warns": said}, {".value": "!TypeError: no"}, {}):
        assert told({key: before}, now, typed) == []
    assert told(now, was, typed) == []


def test_a_deprecated_operation_is_named_as_code_does_it() -> None:
    key = "objects/Mesh"
    was, now = {key: {"with": "None"}}, {key: {"with": "None", "with warns": "use jax.set_mesh"}}
    enters = (Operation(file="a.py", line=7, name="Mesh: with"),)
    two = (side({}, values, uses=(MESH,), operations=enters) for values in (was, now))
    assert [(line.where, line.sentence) for line in found(*two).know] == [
        ("a.py:7", "`with x:` is deprecated now: use jax.set_mesh")
    ]


def test_a_call_that_fails_is_said_where_the_object_is_deprecated_alone() -> None:
    calls, key = "calls/flax.nnx.vmap/operator-iadd", "objects/Param"
    was = {calls: {"gives": "* of float32[2]", "values": [None]}, key: {".value": "Array"}}
    now = {
        calls: {"type": "NotImplementedError", "line": "no longer"},
        key: {".value": "Array", ".value warns": "use variable[...]"},
    }
    use = Use(file="a.py", line=1, name="flax.nnx.Module", positional=1)
    does = ("an attribute changed in place", "Param: .value")
    done = tuple(Operation(file="a.py", line=4, name=name) for name in does)
    ((where, _, said),) = near((use,), was, now, done)
    assert where == "a.py:4"
    assert "NotImplementedError" in said
