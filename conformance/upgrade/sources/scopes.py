"""What the names in a file stand for: aliases, from-imports and star imports followed, scopes respected."""

import ast
from collections.abc import Sequence

from conformance.upgrade.sources.bound import OTHER, Bound


class Scopes(ast.NodeVisitor):
    """Walks a module with a stack of scopes, each of which maps a name to what it stands for.

    Who derives from it says what else binds a name.
    """

    def __init__(
        self, bound: frozenset[str] = frozenset(), packages: frozenset[str] | None = None
    ) -> None:
        """Start at the top of a module.

        Args:
            bound: Names that are of no star import.
            packages: Whose names are followed; None for all.

        """
        self.scopes: list[dict[str, Bound]] = [{}]
        self._bound = bound
        self._packages = packages
        self._stars: list[str] = []

    def visit_Import(self, node: ast.Import) -> None:
        """Bind what `import` binds."""
        for alias in node.names:
            top = alias.name.split(".")[0]
            if self._follows(top):
                self.imported(node, alias.name)
                self.name(alias.asname or top, alias.name if alias.asname else top)
            else:
                self.name(alias.asname or top)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Bind what `from ... import` binds."""
        module = "." * node.level + (node.module or "")
        followed = self._follows(module.split(".")[0])
        for alias in node.names:
            if alias.name == "*":
                self._stars += [module] if followed else []
            elif followed:
                name = f"{module}.{alias.name}"
                self.imported(alias, name)
                self.name(alias.asname or alias.name, name)
            else:
                self.name(alias.asname or alias.name)

    def _follows(self, top: str) -> bool:
        return self._packages is None or top in self._packages

    def imported(self, node: ast.AST, name: str) -> None:
        """Meet an import of a name that is followed."""

    def name(self, name: str, to: str | None = None) -> None:
        """Bind a name in the innermost scope, to a dotted name or to what is not known."""
        self.scopes[-1][name] = Bound((to,)) if to else OTHER

    def within(self, own: dict[str, Bound], body: Sequence[ast.AST]) -> None:
        """Visit a body in a scope of its own."""
        self.scopes.append(own)
        for child in body:
            self.visit(child)
        self.scopes.pop()

    def found(self, name: str) -> Bound | None:
        """What a name stands for; None where nothing in the file binds it."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        if name in self._bound or not self._stars:
            return None
        return Bound(tuple(f"{module}.{name}" for module in dict.fromkeys(self._stars)))

    def resolved(self, node: ast.expr) -> Bound:
        """What an expression of names stands for."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return OTHER
        found = self.found(node.id) or OTHER
        for part in reversed(parts):
            found = found.attribute(part)
        return found
