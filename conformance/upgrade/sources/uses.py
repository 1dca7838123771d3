"""The names of JAX and Flax that a file uses: aliases and from-imports resolved, scopes respected.

A name is followed from the import that binds it. What a function or class binds itself hides an import of the
same name there. What stands under a `try` that handles the failure, or under an `if` that asks for a version
or with `hasattr`, is guarded: the user has provided for releases that lack it.
"""

import ast
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from conformance.events.user_code import Use

PACKAGES = frozenset({"jax", "jaxlib", "flax"})


def uses_in(source: bytes | str, file: str) -> list[Use]:
    """The uses in one file, in its order, each name once per line.

    Raises:
        SyntaxError: The source is not Python of this version.
        ValueError: It contains null bytes.

    """
    collector = _Collector(file)
    collector.visit(ast.parse(source, filename=file))
    found: dict[tuple[int, str], Use] = {}
    for use in collector.uses:
        key = (use.line, use.name)
        if key in found:
            use = msgspec.structs.replace(use, keywords=(*found[key].keywords, *use.keywords))
        found[key] = use
    names = {(use.line, use.name) for use in found.values()}
    return sorted(
        # Of `jax.numpy.fix` on a line, `jax.numpy` alone says nothing more.
        (u for u in found.values() if not _is_part(u, names)),
        key=lambda use: (use.line, use.name),
    )


def _is_part(use: Use, names: set[tuple[int, str]]) -> bool:
    return any(line == use.line and name.startswith(f"{use.name}.") for line, name in names)


class _Bound(NamedTuple):
    """What a name stands for."""

    name: str | None
    """A dotted name of JAX or Flax; None for anything else."""
    guarded: bool = False


_HANDLED = frozenset({"ImportError", "ModuleNotFoundError", "AttributeError", "Exception"})
_OTHER = _Bound(None)


class _Collector(ast.NodeVisitor):
    """Walks a module with a stack of scopes, each of which maps a name to what it stands for."""

    def __init__(self, file: str) -> None:
        self.uses: list[Use] = []
        self._file = file
        self._scopes: list[dict[str, _Bound]] = [{}]
        self._guards = 0

    # Imports.

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.split(".")[0]
            if top in PACKAGES:
                self._use(node, alias.name)
                self._bind(alias.asname or top, alias.name if alias.asname else top)
            else:
                self._bind(alias.asname or top)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        ours = node.level == 0 and node.module and node.module.split(".")[0] in PACKAGES
        for alias in node.names:
            if ours and alias.name != "*":
                name = f"{node.module}.{alias.name}"
                self._use(alias, name)
                self._bind(alias.asname or alias.name, name)
            else:
                self._bind(alias.asname or alias.name)

    # Uses.

    def visit_Name(self, node: ast.Name) -> None:
        bound = self._resolved(node)
        if bound.name is not None:
            self._use(node, bound.name, guarded=bound.guarded)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        bound = self._resolved(node)
        if bound.name is None:
            self.visit(node.value)
        else:
            self._use(node, bound.name, guarded=bound.guarded)

    def visit_Call(self, node: ast.Call) -> None:
        bound = self._resolved(node.func)
        if bound.name is None:
            self.visit(node.func)
        else:
            keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg)
            self._use(node.func, bound.name, keywords, guarded=bound.guarded)
        if bound.name == "jax.config.update" and node.args:
            flag = node.args[0]
            if isinstance(flag, ast.Constant) and isinstance(flag.value, str):
                # A flag is an attribute of `jax.config`, too.
                self._use(flag, f"jax.config.{flag.value}", guarded=bound.guarded)
        for child in (*node.args, *node.keywords):
            self.visit(child)

    # Guards.

    def visit_Try(self, node: ast.Try) -> None:
        caught = {
            name.id
            for handler in node.handlers
            for name in ast.walk(handler.type or ast.Name("Exception"))
            if isinstance(name, ast.Name)
        }
        guards = bool(caught & _HANDLED)
        self._guards += guards
        for child in (*node.body, *node.handlers, *node.orelse):
            self.visit(child)
        self._guards -= guards
        for child in node.finalbody:
            self.visit(child)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        words = ast.dump(node.test)
        guards = any(word in words for word in ("'hasattr'", "version", "'TYPE_CHECKING'"))
        self._guards += guards
        for child in (*node.body, *node.orelse):
            self.visit(child)
        self._guards -= guards

    # Scopes.

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._bind(node.name)
        for child in (*node.decorator_list, *_annotations(node.args), node.returns):
            if child is not None:
                self.visit(child)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self._within([arg.arg for arg in _arguments(node.args)], node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (a name of `ast.NodeVisitor`)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._within([arg.arg for arg in _arguments(node.args)], [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        for child in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(child)
        self._within([], node.body)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        value = self._resolved(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                # `f = jnp.fix` is another name for it.
                self._bind(target.id, value.name, guarded=value.guarded)
            else:
                self.visit(target)

    def _within(self, own: list[str], body: "list[ast.stmt] | list[ast.expr]") -> None:
        self._scopes.append(dict.fromkeys(own, _OTHER))
        for child in body:
            self.visit(child)
        self._scopes.pop()

    def _bind(self, name: str, to: str | None = None, *, guarded: bool = False) -> None:
        self._scopes[-1][name] = _Bound(to, guarded or self._guards > 0)

    def _resolved(self, node: ast.expr) -> _Bound:
        """What an expression of names stands for."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return _OTHER
        for scope in reversed(self._scopes):
            if node.id in scope:
                start = scope[node.id]
                if start.name is None:
                    return _OTHER
                return start._replace(name=".".join([start.name, *reversed(parts)]))
        return _OTHER

    def _use(
        self,
        node: ast.AST,
        name: str,
        keywords: tuple[str, ...] = (),
        *,
        guarded: bool = False,
    ) -> None:
        line = getattr(node, "end_lineno", None) or getattr(node, "lineno", None) or 1
        guarded = guarded or self._guards > 0
        self.uses.append(
            Use(file=self._file, line=int(line), name=name, keywords=keywords, guarded=guarded)
        )


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None)


def _annotations(arguments: ast.arguments) -> Iterator[ast.expr]:
    for argument in _arguments(arguments):
        if argument.annotation is not None:
            yield argument.annotation
