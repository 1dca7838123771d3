"""What sources use and do is found by name, file and line."""

from conformance.events.user_code import Operation, Use
from conformance.upgrade.for_you.index import Operations, by_name

PARAM = Use(file="a.py", line=1, name="flax.nnx.Param", keywords=("sharding",))
VMAP = Use(file="b.py", line=2, name="jax.vmap")
AGAIN = Use(file="a.py", line=3, name="jax.vmap", keywords=("in_axes",))


def test_uses_are_found_by_file_and_by_module() -> None:
    uses = by_name([PARAM, VMAP, AGAIN])
    assert uses == {"flax.nnx.Param": [PARAM], "jax.vmap": [VMAP, AGAIN]}
    assert uses.of_file["a.py"] == {"flax.nnx.Param": [PARAM], "jax.vmap": [AGAIN]}
    assert uses.of_file["a.py"].words == {"flax.nnx.Param", "jax.vmap", "sharding", "in_axes"}
    assert uses.files["flax.nnx"] == uses.files["flax"] == {"a.py"}
    assert uses.files["jax"] == {"a.py", "b.py"}
    assert "flax.nn" not in uses.files
    assert uses.longest_first == ["flax.nnx.Param", "jax.vmap"]


def test_operations_are_found_by_name_and_by_line() -> None:
    done = Operations(
        Operation(file="a.py", line=line, name=name)
        for line, name in ((1, "x"), (1, "y"), (2, "x"))
    )
    assert [each.line for each in done.by_name["x"]] == [1, 2]
    assert done.by_line["a.py", 1] == {"x", "y"}
    assert ("a.py", 3) not in done.by_line
