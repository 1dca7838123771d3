"""Which changes of the libraries are said to be near a user's code."""

import msgspec

from conformance.events.user_code import Operation, Use
from conformance.upgrade.for_you.concern import of_law
from conformance.upgrade.for_you.index import by_name
from tests.conformance.upgrade.user_sides import near

DROPOUT = Use(file="model.py", line=7, name="flax.nnx.Dropout")
PMAP = Use(file="model.py", line=9, name="jax.pmap")
FIX = Use(file="physics.py", line=35, name="jax.numpy.fix")
MODULE_NAME = Use(file="model.py", line=1, name="flax.nnx")


def test_what_changed_of_a_layer_that_the_sources_name_is_near_the_user() -> None:
    uses = (DROPOUT, MODULE_NAME)
    before = {
        "lifts/flax.nnx/plain/tree": {"dropout/rngs/key": "uint32[2]"},
        "lifts/flax.nnx/jit/tree": {"dropout/rngs/key": "uint32[2]"},
        "lifts/flax.nnx/scan/tree": {"dropout/rngs/key": "uint32[2]"},
        "layers/flax.nnx/RNN/tree": {"cell/rngs/key": "uint32[2]"},
    }
    after = {key: {"elsewhere/key": "uint32[2]"} for key in before}
    ((where, what, sentence),) = near(uses, before, after)
    assert (where, what) == ("model.py:7", "flax.nnx.Dropout")
    assert sentence.startswith("1 parameter changed (plain): dropout/rngs/key")
    assert near((MODULE_NAME,), before, after) == []
    lift = Use(file="model.py", line=8, name="flax.nnx.scan")
    ((_, _, sentence),) = near((*uses, lift), before, after)
    assert sentence.startswith("2 parameters changed (plain, scan), the first: dropout/rngs/key")


def test_a_call_of_a_name_that_fails_now_is_near_the_user() -> None:
    calls = "calls/jax.pmap/first-of-a-result", "calls/jax.vmap/no-argument"
    fails = {"error": "ValueError", "line": "no mesh"}
    before = dict.fromkeys(calls, "float32[3]")
    ((where, what, sentence),) = near((PMAP, FIX), before, dict.fromkeys(calls, fails))
    assert (where, what) == ("model.py:9", "jax.pmap")
    assert sentence.startswith("1 call fails now (first-of-a-result): ")
    elsewhere = [Use(file=file, line=3, name="jax.pmap") for file in ("other.py", "zoo.py")]
    ((where, _, _),) = near((PMAP, *elsewhere), before, dict.fromkeys(calls, fails))
    assert where == "model.py:9; other.py:3; zoo.py:3"
    more = [Use(file=f"z{n}.py", line=3, name="jax.pmap") for n in range(3)]
    ((where, _, _),) = near((PMAP, *more, *elsewhere), before, dict.fromkeys(calls, fails))
    assert where == "model.py:9; other.py:3; z0.py:3; z1.py:3 and 2 more files"


REFUSED = {"type": "ValueError", "line": "jnp.sum: where must be boolean; got int32"}
ACCEPTED = {"gives": "* of float32[2]", "values": [None]}


def test_a_call_of_a_function_is_near_the_function_not_the_map() -> None:
    call = "calls/jax.vmap/of-complex64-numpy.hypot"
    hypot = Use(file="spectrum.py", line=7, name="jax.numpy.hypot", positional=2)
    mapped = Use(file="other.py", line=3, name="jax.vmap", positional=1)
    has = (Operation(file="spectrum.py", line=2, name="complex numbers"),)
    ((where, what, _),) = near((mapped, hypot), {call: ACCEPTED}, {call: REFUSED}, has)
    assert (where, what) == ("spectrum.py:7", "jax.numpy.hypot")
    assert near((mapped,), {call: ACCEPTED}, {call: REFUSED}, has) == []


def test_a_call_about_a_keyword_is_near_who_gives_it() -> None:
    call = "calls/jax.vmap/numpy.sum-where-given-numbers"
    plain = Use(file="a.py", line=1, name="jax.numpy.sum", positional=1)
    masked = Use(file="b.py", line=2, name="jax.numpy.sum", keywords=("where",), positional=1)
    given = (Operation(file="b.py", line=2, name="numbers given as where"),)
    ((where, _, _),) = near((plain, masked), {call: ACCEPTED}, {call: REFUSED}, given)
    assert where == "b.py:2"
    assert near((plain,), {call: ACCEPTED}, {call: REFUSED}, given) == []
    # What the file makes by a comparison is boolean.
    assert near((plain, masked), {call: ACCEPTED}, {call: REFUSED}) == []


def test_only_an_axis_is_given_by_position_too() -> None:
    two = Use(file="a.py", line=1, name="jax.numpy.sum", positional=2)
    masked, axis = (f"calls/jax.vmap/numpy.sum-{n}" for n in ("where-given-numbers", "last-axis"))
    assert near((two,), {masked: ACCEPTED}, {masked: REFUSED}) == []
    assert len(near((two,), {axis: ACCEPTED}, {axis: REFUSED})) == 1


def test_a_keyword_that_an_error_names_is_near_who_gives_it() -> None:
    call = "calls/jax.pmap/first-of-a-result"
    error = {"type": "TypeError", "line": "pmap() got an unexpected keyword argument 'wrt'"}
    assert near((PMAP,), {call: ACCEPTED}, {call: error}) == []
    gives = msgspec.structs.replace(PMAP, keywords=("wrt",))
    ((where, _, _),) = near((gives,), {call: ACCEPTED}, {call: error})
    assert where == "model.py:9"


def test_a_call_of_another_librarys_map_is_not_near_who_uses_jaxs() -> None:
    call = "calls/flax.nnx.vmap/in-axes-a-list"
    mapped = Use(file="a.py", line=3, name="jax.vmap")
    layer = Use(file="a.py", line=4, name="flax.nnx.Module")
    assert near((mapped, layer), {call: ACCEPTED}, {call: REFUSED}) == []
    theirs = msgspec.structs.replace(mapped, name="flax.nnx.vmap")
    assert len(near((theirs,), {call: ACCEPTED}, {call: REFUSED})) == 1


def test_what_is_done_with_a_module_is_near_who_writes_one_and_maps_none() -> None:
    call = "calls/flax.nnx.vmap/held-list-of-modules"
    layer = Use(file="a.py", line=4, name="flax.nnx.Module")
    held = (Operation(file="a.py", line=6, name="a container held"),)
    ((where, what, _),) = near((layer,), {call: ACCEPTED}, {call: REFUSED}, held)
    assert (where, what) == ("a.py:6", "flax.nnx.Module")
    assert near((DROPOUT,), {call: ACCEPTED}, {call: REFUSED}, held) == []
    assert near((layer,), {call: ACCEPTED}, {call: REFUSED}) == []


def test_a_call_is_near_a_file_that_uses_all_that_it_is_made_of() -> None:
    call = "calls/jax.vmap/explicit-keys"
    mapped = Use(file="model.py", line=3, name="jax.vmap")
    mesh = Use(file="mesh.py", line=1, name="jax.make_mesh", positional=2)
    assert near((mapped, mesh), {call: ACCEPTED}, {call: REFUSED}) == []
    here = msgspec.structs.replace(mesh, file="model.py")
    assert [line[0] for line in near((mapped, here), {call: ACCEPTED}, {call: REFUSED})] == [
        "model.py:3"
    ]


def test_errors_of_other_words_are_lines_of_their_own() -> None:
    calls = [f"calls/jax.pmap/{name}" for name in ("first-of-a-result", "donated", "devices")]
    words = ["unhashable type: 'A'", "unhashable type: 'B'", "no attribute 'c'"]
    after = {c: {"type": "TypeError", "line": w} for c, w in zip(calls, words, strict=True)}
    uses = (msgspec.structs.replace(PMAP, keywords=("donate_argnums", "devices")),)
    said = near(uses, dict.fromkeys(calls, ACCEPTED), after)
    assert {sentence.split(":")[0] for _, _, sentence in said} == {
        "2 calls fail now (donated, first-of-a-result), the first",
        "1 call fails now (devices)",
    }


def test_another_kind_of_object_is_near_who_makes_it() -> None:
    key = "calls/jax.vmap/plain-sharding.PartitionSpec-is-a-tuple"
    spec = Use(file="a.py", line=2, name="jax.sharding.PartitionSpec")
    was, now = ({"gives": "* of str", "values": [f"a tuple: {v}"]} for v in (True, False))
    asked = (Operation(file="a.py", line=5, name="a tuple asked for"),)
    ((where, what, said),) = near((spec,), {key: was}, {key: now}, asked)
    assert (where, what) == ("a.py:5", "jax.sharding.PartitionSpec")
    assert said.startswith("1 kind of object changed (is-a-tuple)")
    assert said.endswith("gave a tuple: True; gives a tuple: False")
    assert near((PMAP,), {key: was}, {key: now}, asked) == []
    assert near((spec,), {key: was}, {key: now}) == []


def test_what_is_done_with_what_is_mapped_is_not_near_who_maps() -> None:
    mapped = Use(file="a.py", line=3, name="jax.vmap")
    hashed = "calls/jax.vmap/operator-hash-of-a-number"
    text = "calls/jax.vmap/operator-item-at-a-float-of-a-vector"
    after = dict.fromkeys((hashed, text), REFUSED)
    before = dict.fromkeys(after, ACCEPTED)
    assert near((mapped,), before, after) == []
    kept = (Operation(file="a.py", line=8, name="a number as a key"),)
    ((where, what, said),) = near((mapped,), before, after, kept)
    assert (where, what) == ("a.py:8", "jax.vmap")
    assert said.startswith("1 call fails now (operator-hash-of-a-number)")


def test_what_is_done_with_modules_of_flax_is_not_near_a_file_without_them() -> None:
    key = "calls/flax.nnx.vmap/operator-differentiated"
    grad = Use(file="a.py", line=3, name="jax.grad")
    was, now = ({"gives": f"{kind} of float32[2]", "values": [None]} for kind in ("*", "Param"))
    assert near((grad,), {key: was}, {key: now}) == []
    module = Use(file="a.py", line=1, name="flax.nnx")
    assert len(near((grad, module), {key: was}, {key: now})) == 1


def test_what_only_complex_numbers_meet_is_near_a_file_that_has_such() -> None:
    call = "calls/jax.vmap/plain-numpy.clip-complex"
    clips = tuple(Use(file=file, line=7, name="jax.numpy.clip") for file in ("a.py", "b.py"))
    has = (Operation(file="b.py", line=2, name="complex numbers"),)
    ((where, what, _),) = near(clips, {call: ACCEPTED}, {call: REFUSED}, has)
    assert (where, what) == ("b.py:7", "jax.numpy.clip")
    assert near(clips, {call: ACCEPTED}, {call: REFUSED}) == []


def test_a_keyword_may_provide_for_a_change() -> None:
    key = "warnings/calls/jax.pure_callback-mapped"
    warns = [{"category": "DeprecationWarning", "line": "it will change"}]
    called = Use(file="a.py", line=2, name="jax.pure_callback", positional=3)
    assert len(near((called,), {key: []}, {key: warns})) == 1
    told = msgspec.structs.replace(called, keywords=("vmap_method",))
    assert near((told,), {key: []}, {key: warns}) == []


def test_a_law_about_meshes_is_near_files_with_meshes() -> None:
    item = "parallel.explicit-mesh | jax.vmap | stack"
    mapped = [Use(file=file, line=3, name="jax.vmap") for file in ("a.py", "b.py")]
    mesh = Use(file="b.py", line=1, name="jax.make_mesh")
    assert [use.file for use in of_law(item, mapped, by_name([*mapped, mesh]))] == ["b.py"]
    assert of_law(item, mapped, by_name(mapped)) == []


def test_a_weak_type_alone_is_not_near() -> None:
    key = "calls/jax.pmap/first-of-a-result"
    was, now, other = (
        {"gives": f"* of {kind}", "values": [None]}
        for kind in ("int32[4]", "int32[4] weak", "float32[4] weak")
    )
    assert near((PMAP,), {key: was}, {key: now}) == []
    assert len(near((PMAP,), {key: was}, {key: other})) == 1


def test_a_form_of_call_that_warns_now_is_near_who_uses_the_name() -> None:
    key = "warnings/calls/jax.numpy.ndim-list"
    ndim = Use(file="a.py", line=2, name="jax.numpy.ndim")
    warns = [{"category": "DeprecationWarning", "line": "ndim requires arrays"}]
    lists = (Operation(file="a.py", line=2, name="ndim of a list"),)
    ((where, what, said),) = near((ndim,), {key: []}, {key: warns}, lists)
    assert (where, what) == ("a.py:2", "jax.numpy.ndim")
    assert said.endswith("DeprecationWarning: ndim requires arrays")
    assert near((PMAP,), {key: []}, {key: warns}, lists) == []
    assert near((ndim,), {key: []}, {key: warns}) == []
    # Of `sum([jnp.ndim(x) for x in xs])` another function is given the list.
    others = (Operation(file="a.py", line=2, name="sum of a list"),)
    assert near((ndim,), {key: []}, {key: warns}, others) == []
    # That a name itself warns is said of the name.
    alone = "warnings/calls/jax.numpy.ndim"
    assert near((ndim,), {alone: []}, {alone: warns}) == []


def test_a_change_of_nnxs_layer_is_not_near_linens() -> None:
    key = "calls/flax.nnx.vmap/Dropout-broadcast"
    layers = [
        Use(file="a.py", line=3 + i, name=f"flax.{n}.Dropout", keywords=("broadcast_dims",))
        for i, n in enumerate(("linen", "nnx"))
    ]
    module = Use(file="a.py", line=9, name="flax.nnx.Module")
    was, now = ({"gives": f"* of {kind}[2]", "values": [None]} for kind in ("int32", "float32"))
    ((_, what, _),) = near((*layers, module), {key: was}, {key: now})
    assert what == "flax.nnx.Dropout"
    assert near((layers[0], module), {key: was}, {key: now}) == []


def test_an_option_of_a_layer_is_near_who_gives_it() -> None:
    call = "calls/flax.nnx.vmap/Dropout-broadcast"
    assert near((DROPOUT, MODULE_NAME), {call: ACCEPTED}, {call: REFUSED}) == []
    gives = msgspec.structs.replace(DROPOUT, keywords=("broadcast_dims",))
    assert len(near((gives, MODULE_NAME), {call: ACCEPTED}, {call: REFUSED})) == 1
    # A rate is what most give.
    call = "calls/flax.nnx.vmap/Dropout-not-told"
    assert len(near((DROPOUT, MODULE_NAME), {call: ACCEPTED}, {call: REFUSED})) == 1


def test_a_dtype_of_a_layer_is_near_who_names_it() -> None:
    call = "calls/flax.nnx.vmap/Conv-in-bfloat16"
    conv = Use(file="model.py", line=7, name="flax.nnx.Conv", keywords=("dtype",))
    assert near((conv, MODULE_NAME), {call: ACCEPTED}, {call: REFUSED}) == []
    has = (Operation(file="model.py", line=7, name="bfloat16 named"),)
    assert len(near((conv, MODULE_NAME), {call: ACCEPTED}, {call: REFUSED}, has)) == 1
    plain = msgspec.structs.replace(conv, keywords=())
    assert near((plain, MODULE_NAME), {call: ACCEPTED}, {call: REFUSED}, has) == []


def test_a_masked_layer_is_near_who_gives_a_mask() -> None:
    call = "calls/flax.nnx.vmap/BatchNorm-masked"
    norm = Use(file="model.py", line=7, name="flax.nnx.BatchNorm")
    assert near((norm, MODULE_NAME), {call: ACCEPTED}, {call: REFUSED}) == []
    has = (Operation(file="model.py", line=9, name="a mask given"),)
    assert len(near((norm, MODULE_NAME), {call: ACCEPTED}, {call: REFUSED}, has)) == 1


def test_an_argument_to_give_now_is_told_to_calls_and_no_annotation() -> None:
    key, name = "defaults/flax.nnx.Optimizer", "flax.nnx.Optimizer"
    was, now = {key: {"wrt": "Param"}}, {key: {"wrt": "required"}}
    annotated = Use(file="a.py", line=1, name=name)
    partial = Use(file="a.py", line=2, name=name, positional=2)
    assert near((annotated,), was, now) == []
    ((where, what, said),) = near((annotated, partial), was, now)
    assert (where, what) == ("a.py:2", name)
    assert "wrt must be given" in said
