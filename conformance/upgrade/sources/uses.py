"""The names of JAX and Flax that a file uses: aliases and from-imports resolved, scopes respected.

A name is followed from the import that binds it; one that the file binds nowhere is of what it imports with a
star. What a function or class binds itself hides an import of the same name there. A method is followed
through a variable that is made by a class, annotated with it, or `self`. What stands under a `try` that
handles the failure, or under an `if` that asks for a version or with `hasattr`, is guarded: the user has
provided for releases that lack it.
"""

import ast
from collections.abc import Iterator, Sequence

import msgspec

from conformance.events.user_code import Use
from conformance.upgrade.sources import own_modules
from conformance.upgrade.sources.bound import OTHER, Bound, bound_in, made_by, own_attributes
from conformance.upgrade.sources.expressions import handling, parsed
from conformance.upgrade.sources.guards import Guards
from conformance.upgrade.sources.own_modules import Members, OwnModules
from conformance.upgrade.sources.scopes import Scopes
from conformance.upgrade.sources.version_tests import assigned_once, releases

PACKAGES = frozenset({"jax", "jaxlib", "flax"})


def members_in(source: bytes | str, file: str) -> Members:
    """What a file binds to names of JAX and Flax at its top.

    Raises:
        SyntaxError: The source is not Python of this version.
        ValueError: It contains null bytes.

    """
    tree = parsed(source, file)
    collector = _Collector(file, tree, own_modules.NONE)
    collector.visit(tree)
    return own_modules.told(collector.scopes[0])


def uses_in(source: bytes | str, file: str, own: OwnModules = own_modules.NONE) -> list[Use]:
    """The uses in one file, in its order, each name once per line and releases that the line runs with.

    Args:
        source: The file's text.
        file: Its path, as it is shown.
        own: The user's modules, from which it may import names of JAX and Flax.

    Raises:
        SyntaxError: The source is not Python of this version.
        ValueError: It contains null bytes.

    """
    tree = parsed(source, file)
    collector = _Collector(file, tree, own)
    collector.visit(tree)
    found: dict[tuple[int, str, str], Use] = {}
    for use in collector.uses:
        key = (use.line, use.name, use.releases)
        if key in found:
            earlier = found[key]
            use = msgspec.structs.replace(
                use,
                keywords=(*earlier.keywords, *use.keywords),
                positional=max(earlier.positional, use.positional),
                # Of two calls on a line it is not known which gives what.
                whole=False,
            )
        found[key] = use
    names = {(use.line, use.name) for use in found.values()}
    return sorted(
        # Of `jax.numpy.fix` on a line, `jax.numpy` alone says nothing more.
        (u for u in found.values() if not _is_part(u, names)),
        key=lambda use: (use.line, use.name),
    )


def _is_part(use: Use, names: set[tuple[int, str]]) -> bool:
    return any(line == use.line and name.startswith(f"{use.name}.") for line, name in names)


_HANDLED = frozenset({"ImportError", "ModuleNotFoundError", "AttributeError", "Exception"})


class _Collector(Scopes, ast.NodeVisitor):
    """Walks a module, and keeps what it uses."""

    def __init__(self, file: str, tree: ast.Module, own: OwnModules) -> None:
        super().__init__(bound_in(tree), PACKAGES)
        self._asks = Guards(tree)
        self._own = own
        self.uses: list[Use] = []
        self._file = file
        self._guards = 0
        self._where = ""
        self._releases = ""
        self._assigned = assigned_once(tree)
        self._bases: list[Bound] = []

    def imported(self, node: ast.AST, name: str) -> None:
        self._use(node, name)

    def name(self, name: str, to: str | None = None) -> None:
        self.scopes[-1][name] = Bound((to,) if to else (), self._guards > 0)

    # Imports of the user's own modules.

    def visit_Import(self, node: ast.Import) -> None:
        super().visit_Import(node)
        for alias in node.names:
            top = alias.name.split(".")[0]
            if top not in PACKAGES:
                bound = self._own.bound(alias.name, self._file, top=alias.asname is None)
                self.scopes[-1][alias.asname or top] = bound

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        super().visit_ImportFrom(node)
        module = node.module or ""
        if not node.level and module.split(".")[0] in PACKAGES:
            return
        for alias in node.names:
            if alias.name == "*":
                self.scopes[-1].update(self._own.members(module, node.level, self._file))
            else:
                bound = self._own.imported(module, node.level, alias.name, self._file)
                self.scopes[-1][alias.asname or alias.name] = bound

    # Uses.

    def visit_Name(self, node: ast.Name) -> None:
        self._use_of(node, self.resolved(node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        bound = self.resolved(node)
        if bound.names:
            self._use_of(node, bound)
        else:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        bound = self._base(node.func) or self.resolved(node.func)
        whole = not any(isinstance(arg, ast.Starred) for arg in node.args)
        whole = whole and all(keyword.arg for keyword in node.keywords)
        self._call_of(node.func, bound, node.args, node.keywords, whole=whole)
        if not bound.names:
            self.visit(node.func)
            if _is_partial(node.func) and node.args:
                # What it is a partial of is called with these.
                first, *others = node.args
                self._call_of(first, self.resolved(first), others, node.keywords)
        if bound.names == ("jax.config.update",) and node.args:
            flag = node.args[0]
            if isinstance(flag, ast.Constant) and isinstance(flag.value, str):
                # A flag is an attribute of `jax.config`, too.
                self._use(flag, f"jax.config.{flag.value}", guarded=bound.guarded)
        for child in (*node.args, *node.keywords):
            self.visit(child)

    def _base(self, function: ast.expr) -> Bound | None:
        """The class of JAX or Flax that `super().__init__` makes its object by; None for other calls."""
        made = isinstance(function, ast.Attribute) and function.attr == "__init__"
        if not made or ast.unparse(function) != "super().__init__":
            return None
        return self._bases[-1] if self._bases and self._bases[-1].names else None

    def _call_of(
        self,
        node: ast.expr,
        bound: Bound,
        arguments: Sequence[ast.expr],
        keywords: Sequence[ast.keyword],
        *,
        whole: bool = False,
    ) -> None:
        """The use of what is called, where it is of JAX or Flax."""
        # To call an object is to call its method.
        method = bound.attribute("__call__") if bound.kind == "instance" else bound
        named = tuple(keyword.arg for keyword in keywords if keyword.arg)
        if bound.names:
            self._use_of(node, method, named, len(arguments), whole=whole)

    # Guards.

    def visit_Try(self, node: ast.Try) -> None:
        caught = {
            name.id
            for handler in handling(node)
            for name in ast.walk(handler.type or ast.Name("Exception"))
            if isinstance(name, ast.Name)
        }
        guards = bool(caught & _HANDLED)
        self._guards += guards
        start = len(self.uses)
        for child in node.body:
            self.visit(child)
        if "TypeError" in caught:
            self.uses[start:] = [_without_arguments(use) for use in self.uses[start:]]
        for otherwise in (*node.handlers, *node.orelse):
            self.visit(otherwise)
        self._guards -= guards
        for child in node.finalbody:
            self.visit(child)

    def visit_If(self, node: ast.If) -> None:
        self._either(node.test, node.body, node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._either(node.test, [node.body], [node.orelse])

    def _either(self, test: ast.expr, *branches: Sequence[ast.AST]) -> None:
        self.visit(test)
        by_release = releases(test, lambda node: self.resolved(node).names, self._assigned)
        guards = self._asks.what_is_there(test) or any(by_release)
        self._guards += guards
        asked, there = self._asked_by_hasattr(test)
        found: list[list[Use]] = []
        for branch, with_releases in zip(branches, by_release, strict=True):
            start = len(self.uses)
            outer = self._where, self._releases
            if guards:
                self._where = asked if (branch is branches[0]) == there else ""
                self._releases = with_releases
            for child in branch:
                self.visit(child)
            self._where, self._releases = outer
            found.append(self.uses[start:])
            del self.uses[start:]
        self._guards -= guards
        if all(by_release) and self._guards == 0:
            # Which branch runs is known as soon as the release is.
            self.uses += [use for mine in found for use in mine]
            return
        # What both branches use is provided for by neither.
        either = set.intersection(*({use.name for use in mine} for mine in found))
        calls = set.intersection(*({_call(use) for use in mine} for mine in found))
        for use in (use for mine in found for use in mine):
            guarded = use.guarded and (self._guards > 0 or use.name not in either)
            if use.guarded and not guarded and _call(use) not in calls:
                use = _without_arguments(use)
            self.uses.append(msgspec.structs.replace(use, guarded=guarded))

    def _asked_by_hasattr(self, test: ast.expr) -> tuple[str, bool]:
        """The name of JAX or Flax that a test asks for, and whether it holds where that is there."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                name, there = self._asked_by_hasattr(operand)
                return name, not there
            case ast.Call(
                func=ast.Name("hasattr"), args=[holder, ast.Constant(str() as attribute)]
            ):
                names = self.resolved(holder).attribute(attribute).names
                return names[0] if len(names) == 1 else "", True
        return "", True

    # Scopes.

    def visit_FunctionDef(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, of: Bound = OTHER
    ) -> None:
        self.name(node.name)
        for child in (*node.decorator_list, *_annotations(node.args), node.returns):
            if child is not None:
                self.visit(child)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        arguments = {arg.arg: self._annotated(arg.annotation) for arg in _arguments(node.args)}
        if node.args.args and of.names:
            arguments[node.args.args[0].arg] = of
        self.within(arguments, self._asks.with_rest(node.body))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (a name of `ast.NodeVisitor`)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.within(dict.fromkeys((arg.arg for arg in _arguments(node.args)), OTHER), [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        bases = [self.resolved(base) for base in node.bases]
        known = [base for base in bases if base.names and base.kind in ("name", "subclass")]
        of = known[0] if len(known) == len(bases) == 1 else OTHER
        hidden = of.hidden | own_attributes(node)
        self.scopes[-1][node.name] = of._replace(kind="subclass", hidden=hidden)
        for child in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(child)
        self.scopes.append({})
        # Of a class whose base is the user's, `super()` is that one.
        self._bases.append(of if of.kind == "name" else OTHER)
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                self.visit_FunctionDef(statement, of._replace(kind="instance", hidden=hidden))
            else:
                self.visit(statement)
        self._bases.pop()
        self.scopes.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        value = self._value(node.value)
        value = value._replace(guarded=value.guarded or self._guards > 0)
        for target in node.targets:
            if isinstance(target, ast.Name):
                # `f = jnp.fix` is another name for it.
                self.scopes[-1][target.id] = value
            else:
                self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.scopes[-1][node.target.id] = self._annotated(node.annotation)
        else:
            self.visit(node.target)

    def _value(self, node: ast.expr) -> Bound:
        """What a variable stands for that is assigned this."""
        if isinstance(node, ast.Call):
            return made_by(self.resolved(node.func))
        return self.resolved(node)

    def _annotated(self, annotation: ast.expr | None) -> Bound:
        """What a variable with this annotation stands for."""
        if annotation is None:
            return OTHER
        return made_by(self.resolved(annotation))

    def _use_of(
        self,
        node: ast.AST,
        bound: Bound,
        keywords: tuple[str, ...] = (),
        positional: int = 0,
        *,
        whole: bool = False,
    ) -> None:
        if bound.kind == "name":
            for name in bound.names:
                guarded = bound.guarded
                self._use(node, name, keywords, positional, whole=whole, guarded=guarded)

    def _use(
        self,
        node: ast.AST,
        name: str,
        keywords: tuple[str, ...] = (),
        positional: int = 0,
        *,
        whole: bool = False,
        guarded: bool = False,
    ) -> None:
        line = getattr(node, "end_lineno", None) or getattr(node, "lineno", None) or 1
        alone = self._guards == 1 and not guarded
        where = self._where if alone else ""
        if f"{name}.".startswith(f"{where}."):
            where = ""
        guarded = guarded or self._guards > 0
        self.uses.append(
            Use(
                file=self._file,
                line=int(line),
                name=name,
                keywords=keywords,
                positional=positional,
                whole=whole,
                guarded=guarded,
                where=where,
                releases=self._releases if alone else "",
            )
        )


def _without_arguments(use: Use) -> Use:
    """The use of the name alone: each release is called in its own way, which is no mistake for another."""
    return msgspec.structs.replace(use, keywords=(), positional=0, whole=False)


def _call(use: Use) -> tuple[str, tuple[str, ...], int]:
    """The name, and what it is given."""
    return use.name, use.keywords, use.positional


def _is_partial(function: ast.expr) -> bool:
    """Whether it is `functools.partial`, by its name."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "partial"


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None)


def _annotations(arguments: ast.arguments) -> Iterator[ast.expr]:
    for argument in _arguments(arguments):
        if argument.annotation is not None:
            yield argument.annotation
