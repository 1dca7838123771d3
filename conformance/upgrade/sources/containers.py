"""NNX modules that hold others in a list, a tuple or a dict, where the user's files show it for certain."""

import ast
from collections.abc import Iterator, Sequence

from conformance.events.user_code import Operation
from conformance.upgrade.sources import made
from conformance.upgrade.sources.bound import Bound
from conformance.upgrade.sources.expressions import last, parsed, unsubscripted
from conformance.upgrade.sources.held import LAYERS, is_empty, items
from conformance.upgrade.sources.own_modules import Members, OwnModules
from conformance.upgrade.sources.scopes import Scopes

IN_A_CONTAINER = "NNX module: modules in a container"
ADDED_LATER = "NNX module: modules added to a container"
_MODULE = "NNX module"
_DATA = LAYERS | {f"flax.nnx.{n}" for n in ("Param", "Variable", "BatchStat", "Cache", "LoRAParam")}
_DECLARED = frozenset({"Data", "data", "List", "Dict", "Sequential"})
"""What declares that an attribute of a class holds data."""


def modules_of(source: bytes | str, file: str) -> Members:
    """The classes of a file that are NNX modules and pytrees, for who imports them."""
    names = _read(source, file, frozenset()).modules
    return dict.fromkeys(names, Bound((), type=_MODULE))


def containers_in(source: bytes | str, file: str, own: OwnModules) -> list[Operation]:
    """The lines that make a list, tuple or dict of modules an attribute of one, or add modules to it later.

    Args:
        source: The file's text.
        file: Its path, as it is shown.
        own: What `modules_of` says of each of the user's files.

    """
    imported = frozenset(_imported(parsed(source, file), file, own))
    lines = sorted(set(_read(source, file, imported).lines))
    return [Operation(file=file, line=line, name=name) for line, name in lines]


def _read(source: bytes | str, file: str, imported: frozenset[str]) -> "_Reader":
    tree = parsed(source, file)
    first = _Reader(imported)
    first.visit(tree)
    # Classes may be used before they are made.
    again = _Reader(imported | first.modules)
    again.visit(tree)
    return again


def _imported(tree: ast.AST, file: str, own: OwnModules) -> Iterator[str]:
    """What modules of the user's other files are called here: `Block`, or `blocks.Block`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for alias in node.names:
            here = alias.asname or alias.name
            if isinstance(node, ast.Import):
                inner = own.members(alias.name, 0, file)
            else:
                found = own.imported(node.module or "", node.level, alias.name, file)
                yield from [here] if found.type == _MODULE else []
                inner = found.members
            yield from (f"{here}.{name}" for name in inner)


class _Reader(Scopes, ast.NodeVisitor):
    def __init__(self, known: frozenset[str]) -> None:
        super().__init__(packages=frozenset({"flax"}))
        self.modules: set[str] = set()
        self.lines: list[tuple[int, str]] = []
        self._known = known
        self._others: set[str] = set()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.generic_visit(node)
        bases = [unsubscripted(each) for each in node.bases]
        is_module = any(self._is_module(each) for each in bases)
        is_module &= not any(each.arg == "pytree" for each in node.keywords)
        if not is_module or not self._others.isdisjoint(map(ast.unparse, bases)):
            self._others.add(node.name)
            return
        self.modules.add(node.name)
        declared = set(_declared(node))
        methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
        for method in methods:
            held = self._held(method)
            self.lines += ((line, IN_A_CONTAINER) for line, name in held if name not in declared)
        self.lines += (
            (line, how) for line, name, how in self._added(methods) if name not in declared
        )

    def _is_module(self, base: ast.expr) -> bool:
        return made.base(self._dotted(base)) == _MODULE or self._is_own(base)

    def _is_own(self, node: ast.expr) -> bool:
        name = ast.unparse(node)
        return name in (self._known | self.modules) and name not in self._others

    def _dotted(self, node: ast.expr) -> str:
        return next(iter(self.resolved(node).names), "")

    def _makes(self, node: ast.AST) -> bool:
        """Whether it makes a module or a Variable."""
        if not isinstance(node, ast.Call):
            return False
        return self._dotted(node.func) in _DATA or self._is_own(node.func)

    def _held(self, method: ast.FunctionDef) -> Iterator[tuple[int, str]]:
        """Lines that give `self` a container of modules, each with the attribute."""
        nodes = [node for node in ast.walk(method) if isinstance(node, ast.stmt)]
        assigned = [node for node in nodes if isinstance(node, ast.Assign)]
        filled = {name for _, name in self._filled(method)} if _is_first(method) else set[str]()
        starts = {
            target.id
            for node in assigned
            if is_empty(node.value)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in filled
        }
        for node in assigned:
            for target in node.targets:
                if not isinstance(target, ast.Attribute) or ast.unparse(target.value) != "self":
                    continue
                local = isinstance(node.value, ast.Name) and node.value.id in starts
                later = is_empty(node.value) and ast.unparse(target) in filled
                if local or later or any(map(self._makes, items(node.value))):
                    yield node.lineno, target.attr

    def _added(self, methods: Sequence[ast.FunctionDef]) -> Iterator[tuple[int, str, str]]:
        """Lines of other methods that put a module into an empty container of `self`, and what they do."""
        given: dict[str, list[bool]] = {}
        for node in (each for method in methods for each in ast.walk(method)):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    given.setdefault(ast.unparse(target), []).append(is_empty(node.value))
        # What is anything else somewhere, such as an nnx.List, may be that when a module is added.
        plain = {name for name, empty in given.items() if all(empty) and name.startswith("self.")}
        called = {
            ast.unparse(node.func)
            for method in methods
            if _is_first(method)
            for node in ast.walk(method)
            if isinstance(node, ast.Call)
        }
        for method in (each for each in methods if not _is_first(each)):
            # What `__init__` calls has been done when Flax looks at the module; `+=` sets the attribute.
            seen = f"self.{method.name}" in called
            for node, name in self._filled(method):
                if name in plain:
                    how = IN_A_CONTAINER if seen or isinstance(node, ast.AugAssign) else ADDED_LATER
                    yield node.lineno, name.removeprefix("self."), how

    def _filled(self, method: ast.FunctionDef) -> Iterator[tuple[ast.stmt, str]]:
        """Statements by which a module becomes an item, and of what."""
        nodes = [node for node in ast.walk(method) if isinstance(node, ast.stmt)]
        made_here = {
            target.id
            for node in nodes
            if isinstance(node, ast.Assign) and self._makes(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

        def is_one(value: ast.expr) -> bool:
            return self._makes(value) or (isinstance(value, ast.Name) and value.id in made_here)

        for node in nodes:
            match node:
                case ast.Expr(
                    ast.Call(ast.Attribute(value, "append" | "insert" | "setdefault"), [*_, given])
                ):
                    yield from [(node, ast.unparse(value))] if is_one(given) else []
                case ast.Expr(ast.Call(ast.Attribute(value, "extend"), [given])) | ast.AugAssign(
                    value, ast.Add(), given
                ):
                    yield from (
                        [(node, ast.unparse(value))] if any(map(is_one, items(given))) else []
                    )
                case ast.Assign(targets, given) if is_one(given):
                    into = [each for each in targets if isinstance(each, ast.Subscript)]
                    yield from ((node, ast.unparse(each.value)) for each in into)


def _is_first(method: ast.FunctionDef) -> bool:
    return method.name == "__init__"


def _declared(node: ast.ClassDef) -> Iterator[str]:
    """Attributes that the class itself declares to hold data."""
    for each in node.body:
        if isinstance(each, ast.AnnAssign | ast.Assign):
            said = {last(part) for part in ast.walk(each)}
            targets = [each.target] if isinstance(each, ast.AnnAssign) else each.targets
            yield from (last(target) for target in targets if said & _DECLARED)
