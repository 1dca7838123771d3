"""Documented uses of lifted modules. A new one is one entry here and a function of each transform."""

from collections.abc import Mapping

from properties.subject import Array, UseSubject
from reference.scope import Scope
from reference.types import Array as Value


def _unused(scope: Scope, x: Value) -> Value:
    """In place of a reference: each transform says itself what a loop over its unmapped module gives."""
    return x


_SENTENCES: Mapping[str, str] = {
    "by-keyword": "the module and its input are given by name",
    "in-trees": "a module in a dictionary, inputs in a list, axes in a tree of the same form",
    "shared-result": "a result that is the same for all has out_axes=None, also under a gradient",
    "size-alone": "no argument is mapped, and axis_size says how many examples there are",
    "bound-method": "a bound method, a partial of one and an instance",
    "callable-object": "an object that is called has attributes",
    "callable-in-modes": "an object that is called has attributes, where no graph is updated",
    "unbound-method": "a method by its class",
    "class": "a class that makes the members",
    "as-decorator": "the map as a decorator with arguments",
    "counted-names": "a lifted method that makes modules is called twice",
    "partial-class": "a class with attributes given beforehand, as functools.partial does",
    "module-argument": "a module that another one holds is given to a lifted method",
    "list-of-axes": "in_axes is a list",
    "left-out-default": "an argument that has a default is left out",
    "one-axis": "one axis for a whole module and for all arguments",
    "name-of-mesh": "the map has the name of an axis of a mesh, which a function may not shard by",
    "pure-state": "the state split off, mapped by itself and merged within",
    "second-call": "a second call, which starts from the state that the first one left",
    "twice-inside": "two calls of one lifted module within one function",
    "read-by-closure": "a module that a function captures is read",
    "written-by-closure": "a module that a function captures is written to, which raises",
    "error-inside": "a function writes and raises; then the module is mapped again",
    "metadata": "metadata within the map and after the call",
    "metrics": "metrics of each member",
    "nested-maps": "a map of members around a map of examples",
    "tied": "a submodule with two names",
    "returned": "a function returns another module",
    "sown": "what a module sows is stacked",
    "gradients": "gradients by a shared module, within the map and around it",
    "variable": "a variable by itself is an argument",
    "by-path": "axes are chosen by the paths of variables",
    "dropout-of-members": "an ensemble with Dropout, its key split for each call",
    "one-of-two-streams": "one of two streams is split for a block",
    "unsplit-stream": "a stream that is not split",
    "constructor": "a module made under the map from split streams",
    "copies": "a module made under the map from streams that are not split",
    "split-twice": "a stream that is split along two axes",
    "missing-stream": "a stream that the module lacks",
    "one-key": "one key stands for the stream of parameters",
    "several-methods": "several methods are lifted",
    "bridged": "a module of another library is lifted through the bridge to it",
    "bridged-deep": "a module that holds others deep within is lifted through the bridge to it",
    "bridged-names": "what the axes of a bridged module's parameters are called",
    "bound-is-refused": "a bound method raises",
    "grown": "a function adds a variable, takes one away and counts its calls",
    "several-filters": "axes are chosen by several filters, also those of a module that is returned",
    "from-the-end": "axes are counted from the end",
    "shared-argument": "two arguments share a module",
    "training-step": "each member takes steps down its own gradient",
    "state-argument": "the state of a module is an argument",
    "changed-by-closure": "a captured variable or module is changed in several ways, which raises",
    "updated-by-closure": "a captured module is updated, which raises",
    "state-after-error": "a function changes a shared module and raises",
    "kept-streams": "modules made under the map keep streams of their own",
    "split-in-mode": "one of two streams is split in the mode of the map",
    "squeezed-split": "a stream is split into one without an axis",
    "split-by-argument": "one stream of each of two arguments is split",
    "forked-streams": "streams are forked for the members",
    "other-metadata": "metadata of a name of its own",
    "metadata-by-decorator": "a decorator changes the metadata where no graph is updated",
    "error-while-split": "a function raises while its streams are split",
    "keys-checked": "JAX checks that no key is used twice",
    "metadata-set": "a function sets metadata of a variable, and nothing else",
    "looped": "loops within the map carry the module",
    "scanned": "a module scans another one, along axes that count from the end",
    "waited": "a loop's condition and its body draw numbers",
    "lifts-inside": "a module differentiates, switches and maps the variables of others",
    "scanned-names": "a module scans another one, and boxes say where both new axes are",
    "scanned-deep": "a scan within a scan, which carries, shares and splits",
    "scanned-trees": "a scan whose axes are trees, within a map that splits another stream",
    "sown-by-steps": "steps of a scan sow, and are perturbed",
    "mapped-variables": "variables are mapped on their way into a module and out of it",
    "names-by-lift": "lifted modules without names of their own are named by their lifts",
    "held-modules": "a lifted module holds modules of another one in a tree",
    "derivatives": "a module is differentiated by its parameters, its input and a rule of its own",
    "static-arguments": "other lifts are told which arguments are static, and ask them in Python",
    "gradient-of-change": "a function of which a gradient is taken changes its module",
    "given-back": "a function returns a variable that it was given",
    "refused-prefixes": "what is no prefix raises",
    "two-axes-of-one": "one variable along two axes raises, wherever its two names are",
    "shared-by-modules": "two modules that have one variable are given and returned",
    "carry-replaced": "the body of a loop returns another variable than it is given",
    "metadata-one-axis": "metadata within and after a map with one axis for a whole module",
    "mode-by-setting": "a map is given its mode, or has the one that is set for all maps",
    "keyword-behind": "a module by name, beside an input along another axis",
    "shared-in-branches": "examples take other branches and turns, with a module that all share",
}

USES = tuple(
    UseSubject(f"use.{name}", _unused, (Array(("m",)),), collections=(), streams=(), sentence=text)
    for name, text in _SENTENCES.items()
)
