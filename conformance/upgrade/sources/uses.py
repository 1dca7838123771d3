"""The names of JAX and Flax that a file uses: aliases and from-imports resolved, scopes respected.

A name is followed from the import that binds it. What a function, class or comprehension binds itself hides
an import of the same name there.
"""

import ast
from collections.abc import Iterator, Mapping

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


class _Collector(ast.NodeVisitor):
    """Walks a module with a stack of scopes, each of which maps a name to what it stands for or None."""

    def __init__(self, file: str) -> None:
        self.uses: list[Use] = []
        self._file = file
        self._scopes: list[dict[str, str | None]] = [{}]

    # Imports.

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.split(".")[0]
            if top in PACKAGES:
                self._use(node, alias.name)
                self._scopes[-1][alias.asname or top] = alias.name if alias.asname else top
            else:
                self._scopes[-1][alias.asname or top] = None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        ours = node.level == 0 and node.module and node.module.split(".")[0] in PACKAGES
        for alias in node.names:
            if ours and alias.name != "*":
                name = f"{node.module}.{alias.name}"
                self._use(alias, name)
                self._scopes[-1][alias.asname or alias.name] = name
            else:
                self._scopes[-1][alias.asname or alias.name] = None

    # Uses.

    def visit_Name(self, node: ast.Name) -> None:
        name = self._resolved(node)
        if name is not None:
            self._use(node, name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._resolved(node)
        if name is None:
            self.visit(node.value)
        else:
            self._use(node, name)

    def visit_Call(self, node: ast.Call) -> None:
        name = self._resolved(node.func)
        if name is None:
            self.visit(node.func)
        else:
            keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg)
            self._use(node.func, name, keywords)
        for child in (*node.args, *node.keywords):
            self.visit(child)

    # Scopes.

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._bind(node.name)
        for child in (*node.decorator_list, *_annotations(node.args), node.returns):
            if child is not None:
                self.visit(child)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self._within({arg.arg: None for arg in _arguments(node.args)}, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._within({arg.arg: None for arg in _arguments(node.args)}, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        for child in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(child)
        self._within({}, node.body)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        value = self._resolved(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                # `f = jnp.fix` is another name for it.
                self._scopes[-1][target.id] = value
            else:
                self.visit(target)

    def _within(
        self, scope: Mapping[str, str | None], body: "list[ast.stmt] | list[ast.expr]"
    ) -> None:
        self._scopes.append(dict(scope))
        for child in body:
            self.visit(child)
        self._scopes.pop()

    def _bind(self, name: str) -> None:
        self._scopes[-1][name] = None

    def _resolved(self, node: ast.expr) -> str | None:
        """The dotted name of JAX or Flax that an expression is; None for anything else."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return None
        for scope in reversed(self._scopes):
            if node.id in scope:
                start = scope[node.id]
                return None if start is None else ".".join([start, *reversed(parts)])
        return None

    def _use(self, node: ast.AST, name: str, keywords: tuple[str, ...] = ()) -> None:
        line = getattr(node, "end_lineno", None) or getattr(node, "lineno", None) or 1
        self.uses.append(Use(file=self._file, line=int(line), name=name, keywords=keywords))


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None)


def _annotations(arguments: ast.arguments) -> Iterator[ast.expr]:
    for argument in _arguments(arguments):
        if argument.annotation is not None:
            yield argument.annotation
