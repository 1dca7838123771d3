"""Known defects of what Flax has beside its maps: streams by filter, derivatives, compiled modules."""

from conformance.known_defects.defect import Defect
from properties.call import Axes, Call, ModuleCall

_NOT_FOUND = "No report of this was found on google/flax on 2026-11-29."
_NOT_FOUND_ON_THE_30TH = "No report of this was found on google/flax on 2026-11-30."


def _use(name: str) -> ModuleCall:
    """A call of a documented use, whose odd seed has a mode in which the graph is not updated."""
    return ModuleCall(name, {"batch": 3, "m": 2}, (Axes((0,), 0),), {}, {}, seed=5)


def _gives_a_module_aside(call: Call) -> bool:
    return (
        isinstance(call, ModuleCall)
        and call.subject_name == "use.module-aside"
        and call.seed % 2 == 1
    )


BESIDE_MAPS: tuple[Defect, ...] = (
    Defect(
        id="nnx-streams-drawn-again",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.12.7"},
        affects=lambda call: call.subject_name == "use.drawn-again",
        law="sharing.documented-uses",
        call=_use("use.drawn-again"),
        description=(
            "Silently repeated random numbers: Rngs.split and Rngs.broadcast set the counts of the streams "
            "that they leave as they are to 0, so that these give the numbers again that have been drawn "
            "from them. nnx.with_rngs does not."
        ),
        upstream="https://github.com/google/flax/pull/5529 (open).",
        all_laws=False,
    ),
    Defect(
        id="nnx-fork-rngs-two-filters",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.11"},
        affects=lambda call: call.subject_name == "use.forked-in-order",
        law="sharing.documented-uses",
        call=_use("use.forked-in-order"),
        description=(
            "Where the graph is updated, nnx.fork_rngs forks a stream once for each filter that matches it: "
            "split={'params': 5, ...: None} raises ValueError, 'fold_in accepts a single key', and where no "
            "stream is split, nnx.restore_rngs silently leaves another key than there was. Elsewhere the "
            "first filter that matches counts."
        ),
        upstream=_NOT_FOUND,
        all_laws=False,
    ),
    Defect(
        id="nnx-derivative-module-aside",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.12.7"},
        affects=_gives_a_module_aside,
        law="sharing.documented-uses",
        call=_use("use.module-aside"),
        description=(
            "With graph_updates=False, a function that is differentiated with has_aux=True cannot give a "
            "module beside its result: nnx.grad and nnx.value_and_grad of a module raise RuntimeError, "
            "'GraphDef index 0 already used', and nnx.jvp and nnx.vjp silently give a TreeState in its place."
        ),
        upstream=_NOT_FOUND,
        all_laws=False,
    ),
    Defect(
        id="nnx-bridged-writes-lost",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.12.7"},
        affects=lambda call: call.subject_name == "use.bridged-writes",
        law="sharing.documented-uses",
        call=_use("use.bridged-writes"),
        description=(
            "With graph=False or graph_updates=False, what a module of Linen writes that nnx.bridge.ToNNX "
            "bridges, such as the statistics of a BatchNorm, is silently lost: the bridge puts a new "
            "variable in the place of the one that the map, or nnx.jit, gives back."
        ),
        upstream=_NOT_FOUND,
        all_laws=False,
    ),
    Defect(
        id="nnx-reference-writes-lost",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.12.3"},
        affects=lambda call: call.subject_name == "use.references-written",
        law="sharing.documented-uses",
        call=_use("use.references-written"),
        description=(
            "Where the graph is updated, as it is by default, what a mapped function writes to a variable "
            "that holds a reference, as those do that are made under nnx.var_defaults(ref=True), is "
            "silently lost. With graph=False or graph_updates=False it is kept, and nnx.jit keeps it."
        ),
        upstream=_NOT_FOUND_ON_THE_30TH,
        all_laws=False,
    ),
    Defect(
        id="nnx-list-holds-its-last-twice",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.12.6"},
        affects=lambda call: call.subject_name == "use.shortened-lists",
        law="sharing.documented-uses",
        call=_use("use.shortened-lists"),
        description=(
            "After del or pop of any but the last element, nnx.List holds its last element a second time, "
            "behind its end: with graph=False a map of it raises ValueError, 'Duplicate Param'."
        ),
        upstream=(
            f"{_NOT_FOUND_ON_THE_30TH} https://github.com/google/flax/pull/5223 (open) would remove nnx.List."
        ),
        all_laws=False,
    ),
    Defect(
        id="nnx-jit-partial-static-and-placed",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.12.8"},
        affects=lambda call: call.subject_name == "use.held-and-static",
        law="sharing.documented-uses",
        call=_use("use.held-and-static"),
        description=(
            "nnx.jit_partial with static_argnums and a tuple of in_shardings raises ValueError, 'different "
            "lengths of tuple': it does not leave out the static argument, for which jax.jit and nnx.jit "
            "take no sharding. With one for it JAX raises."
        ),
        upstream=(
            f"{_NOT_FOUND_ON_THE_30TH} https://github.com/google/flax/issues/4989 (closed) is the same of "
            "nnx.jit."
        ),
        all_laws=False,
    ),
    Defect(
        id="nnx-compiled-args-info",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.10.7"},
        affects=lambda call: call.subject_name == "use.told-of-compiled",
        law="sharing.documented-uses",
        call=_use("use.told-of-compiled"),
        description=(
            "args_info of what nnx.jit(...).lower(...).compile() gives raises TypeError, 'exceptions must "
            "derive from BaseException': Flax raises what it should return. That of lower(...) works."
        ),
        upstream=_NOT_FOUND_ON_THE_30TH,
        all_laws=False,
    ),
    Defect(
        id="nnx-scan-carries-numbers",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.10.2"},
        affects=lambda call: call.subject_name == "use.carried-numbers",
        law="sharing.documented-uses",
        call=_use("use.carried-numbers"),
        description=(
            "nnx.scan refuses a function that gives a number of Python's or an array of NumPy's for a part "
            "of the carry: ValueError, 'Carry references must be the same between iterations', though it "
            "is no reference. jax.lax.scan takes it, and so does nnx.scan with graph=False or "
            "graph_updates=False."
        ),
        upstream=_NOT_FOUND_ON_THE_30TH,
        all_laws=False,
    ),
    Defect(
        id="nnx-deep-copy-is-an-array",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.11"},
        affects=lambda call: call.subject_name == "use.deep-copies",
        law="sharing.documented-uses",
        call=_use("use.deep-copies"),
        description=(
            "copy.deepcopy of a variable of an array gives the array, and that of an nnx.State has arrays in "
            "the place of variables, so that kinds and metadata are lost: the variable hands on __deepcopy__ "
            "to its value. copy.copy, pickle and copy.deepcopy of a module keep them."
        ),
        upstream=_NOT_FOUND_ON_THE_30TH,
        all_laws=False,
    ),
    Defect(
        id="linen-jit-draws-again",
        transform="flax.linen.vmap",
        versions={"flax": "<0.10.2"},
        affects=lambda call: call.subject_name == "use.jitted-streams",
        law="sharing.documented-uses",
        call=_use("use.jitted-streams"),
        description=(
            "Silently repeated random numbers: once a module that nn.jit lifts has been compiled, its draws "
            "do not count, so that a second apply with the same key draws other numbers beside it than the "
            "first one did, and one of them twice."
        ),
        upstream=_NOT_FOUND,
        all_laws=False,
    ),
    Defect(
        id="linen-jit-attributes-of-one-hash",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=lambda call: call.subject_name == "use.compiled-apart",
        law="sharing.documented-uses",
        call=_use("use.compiled-apart"),
        description=(
            "Silently wrong results: nn.jit takes two modules for the same that have the same hash, as those "
            "with axis=-1 and axis=-2 have in CPython, and runs for the second one what it compiled for the "
            "first. A class is hashed by its address, which a later one may have: this may be why "
            "nn.jit(nn.remat(Block)), made in __call__, was seen to draw other random numbers in some second "
            "applies with the same key."
        ),
        upstream=_NOT_FOUND_ON_THE_30TH,
        all_laws=False,
    ),
    Defect(
        id="linen-shared-scope-lifted",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.10"},
        affects=lambda call: call.subject_name == "use.shared-scope-lifted",
        law="sharing.documented-uses",
        call=_use("use.shared-scope-lifted"),
        description=(
            "A module that takes over the scope of one that it is given, by nn.share_scope in setup, has "
            "other names of parameters under nn.vmap, nn.scan and nn.remat: what the other one holds stays "
            "in its own scope. nn.remat(Outer)(Inner(nn.Dense(4))) raises ScopeParamNotFoundError on the "
            "parameters of Outer(Inner(nn.Dense(4)))."
        ),
        upstream=_NOT_FOUND,
        all_laws=False,
    ),
)
