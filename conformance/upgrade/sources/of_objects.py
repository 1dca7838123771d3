"""What a file does with objects of JAX and Flax whose type its text tells: attributes, methods, operators."""

import ast
from collections.abc import Iterator, Mapping, Sequence

from conformance.events.user_code import Operation
from conformance.upgrade.sources import made, words
from conformance.upgrade.sources.bound import OTHER, Bound
from conformance.upgrade.sources.expressions import parsed, unsubscripted
from conformance.upgrade.sources.scopes import Scopes

Found = tuple[int, str, str]
"""A line, a type and what is done."""
Given = dict[tuple[str, ...], dict[int | str, set[str]]]
"""By function, as its enclosing definitions and its own name, the types that calls give each parameter."""


def done_in(source: bytes | str, file: str) -> list[Operation]:
    """What is done, such as `Mesh: .axis_names`, by line; `an object: .x` where its type is not known.

    Args:
        source: The file's text.
        file: Its path, as it is shown.

    """
    tree = parsed(source, file)
    reader = _Reader()
    reader.visit(tree)
    # Functions and members may be used before they are made.
    again = _Reader(reader.functions, reader.members, reader.classes, reader.given)
    again.visit(tree)
    return [
        Operation(file=file, line=line, name=f"{kind or 'an object'}: {what}")
        for line, kind, what in sorted(set(again.done))
    ]


class _Reader(Scopes, ast.NodeVisitor):
    """Walks a file in its order, with the types of the variables of each scope."""

    def __init__(
        self,
        functions: dict[str, str] | None = None,
        members: dict[str, str] | None = None,
        classes: dict[str, str] | None = None,
        given: Given | None = None,
    ) -> None:
        super().__init__()
        self.done: list[Found] = []
        self.functions = functions or {}
        self.members = members or {}
        self.classes = classes or {}
        self.given: Given = {}
        self._known = given or {}
        self._function: list[str] = []
        self._place: tuple[str, ...] = ()
        self._defined: set[tuple[str, ...]] = set()

    # Types.

    def _dotted(self, node: ast.expr) -> str:
        """The dotted name that it stands for; that of a builtin is its own."""
        if isinstance(node, ast.Name) and self.found(node.id) is None:
            return node.id
        return next(iter(self.resolved(node).names), "")

    def _type(self, node: ast.expr | None) -> str:
        match node:
            case ast.Name():
                return (self.found(node.id) or OTHER).type
            case ast.Call():
                return self._given(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._item(node)
            case ast.IfExp():
                return self._type(node.body) or self._type(node.orelse)
            case ast.NamedExpr() | ast.Await():
                return self._type(node.value)
            case ast.BinOp():
                return "Array" if "Array" in (self._type(node.left), self._type(node.right)) else ""
            case ast.Tuple():
                return "|".join(self._type(each) or "?" for each in node.elts)
        return ""

    def _given(self, node: ast.Call) -> str:
        function = node.func
        if isinstance(function, ast.Name):
            known = self.classes.get(function.id) or self.functions.get(function.id)
            if known:
                return known
            if function.id in ("enumerate", "zip", "list", "sorted", "reversed") and node.args:
                inner = self._type(node.args[0])
                return (
                    f"*?|{inner[1:]}" if function.id == "enumerate" and inner[:1] == "*" else inner
                )
        dotted = self._dotted(function)
        if dotted.startswith(("jax", "flax")):
            return made.called(dotted)
        if isinstance(function, ast.Attribute):
            of = self._type(function.value)
            if not of and (dotted or not (node.args or node.keywords)):
                return ""
            return made.method(of, function.attr)
        return made.method(self._type(function), "")

    def _attribute(self, node: ast.Attribute) -> str:
        of = self._type(node.value)
        own = of in ("", "NNX module", "Own Linen module", "Optimizer")
        known = self.members.get(node.attr, "") if own and not self._dotted(node) else ""
        return known or made.attribute(of, node.attr)

    def _item(self, node: ast.Subscript) -> str:
        of = self._type(node.value)
        index = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if of in ("Array", "State", "Param"):
            return "Array" if of != "State" else ""
        return made.item(of, index if isinstance(index, int) else None)

    # Binding.

    def _bind(self, target: ast.expr, kind: str) -> None:
        match target:
            case ast.Name():
                self.scopes[-1][target.id] = Bound((), type=kind)
            case ast.Tuple() | ast.List():
                for i, each in enumerate(target.elts):
                    starred = isinstance(each, ast.Starred)
                    inner = each.value if isinstance(each, ast.Starred) else each
                    self._bind(inner, "" if starred else made.item(kind, i))
            case ast.Attribute():
                if isinstance(target.value, ast.Name) and target.value.id == "self" and kind:
                    self.members[target.attr] = kind
                kind = made.holder(self._type(target.value), target.value, target.attr)
                self._done(target, kind, f".{target.attr} =")
                if target.attr not in ("value", "raw_value"):
                    self._done(target, self._type(target.value), "set a new attribute")
                self.visit(target.value)
            case ast.Subscript():
                whole = isinstance(target.slice, ast.Constant) and target.slice.value is ...
                self._done(target, self._type(target.value), "[...] = " if whole else "[0] = ")
                self.visit(target.value)
                self.visit(target.slice)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._bind(target, self._type(node.value))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        self._bind(node.target, self._type(node.value) or made.base(self._dotted(node.annotation)))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self._done(node, self._type(node.target), "+= 1")
        if isinstance(node.target, ast.Attribute):
            # `x.value += 1` reads `x.value`, too.
            self.visit(node.target)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._loop(node, node.iter, node.target)
        for child in (*node.body, *node.orelse):
            self.visit(child)

    def _loop(self, node: ast.AST, over: ast.expr, target: ast.expr) -> None:
        kind = self._type(over)
        self._done(over, kind, "iter")
        self._bind(target, made.item(kind))

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> None:
        self.scopes.append({})
        for each in node.generators:
            self.visit(each.iter)
            self._loop(node, each.iter, each.target)
            for test in each.ifs:
                self.visit(test)
        inner = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for child in inner:
            self.visit(child)
        self.scopes.pop()

    visit_ListComp = visit_SetComp = _comprehension  # noqa: N815 (names of `ast.NodeVisitor`)
    visit_GeneratorExp = visit_DictComp = _comprehension  # noqa: N815

    def visit_With(self, node: ast.With) -> None:
        for each in node.items:
            self.visit(each.context_expr)
            kind = self._type(each.context_expr)
            self._done(each.context_expr, kind, "with")
            if each.optional_vars is not None:
                self._bind(each.optional_vars, kind)
        for child in node.body:
            self.visit(child)

    # Scopes.

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for child in (*node.decorator_list, *node.args.defaults):
            self.visit(child)
        outside, self._place = self._place, (*self._place, node.name)
        self._defined.add(self._place)
        self._function.append(node.name)
        self._within(node.args, node.body, self._known.get(self._place, {}))
        self._function.pop()
        self._place = outside
        decorated = [self._decorated(each) for each in node.decorator_list]
        self.scopes[-1][node.name] = Bound((), type=next(filter(None, decorated), ""))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (a name of `ast.NodeVisitor`)

    def _decorated(self, node: ast.expr) -> str:
        if isinstance(node, ast.Call) and self._dotted(node.func) == "functools.partial":
            return made.called(self._dotted(node.args[0])) if node.args else ""
        return made.called(self._dotted(node)) or self._type(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._within(node.args, [node.body], {})

    def _within(
        self,
        given: ast.arguments,
        body: Sequence[ast.AST],
        by_callers: Mapping[int | str, set[str]],
    ) -> None:
        """A function's body, its parameters of the types that annotations, names or all callers tell."""
        own = {}
        for place, each in enumerate((*given.posonlyargs, *given.args, *given.kwonlyargs)):
            seen = by_callers.get(place, set()) | by_callers.get(each.arg, set())
            of_callers = next(iter(seen)) if len(seen) == 1 else ""
            told = made.base(self._dotted(each.annotation)) if each.annotation else ""
            of_self = self.scopes[-1].get("self", OTHER).type if each.arg == "self" else ""
            own[each.arg] = Bound(
                (), type=told or of_self or made.parameter(each.arg) or of_callers
            )
        self.within(own, body)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.visit(node.value)
            if self._function and (kind := self._type(node.value)):
                self.functions[self._function[-1]] = kind

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        bases = [unsubscripted(each) for each in node.bases]
        kinds = [made.base(self._dotted(each)) for each in bases]
        kinds += [self.classes.get(each.id, "") for each in bases if isinstance(each, ast.Name)]
        kind = next(filter(None, kinds), "")
        self.classes[node.name] = kind
        for decorator in node.decorator_list:
            self.visit(decorator)
        outside, self._place = self._place, (*self._place, node.name)
        self.within({"self": Bound((), type=kind)}, node.body)
        self._place = outside

    # What is done.

    def _done(self, node: ast.AST, kind: str, what: str) -> None:
        if kind and kind[0] not in "*?(" and "|" not in kind:
            self.done.append((int(getattr(node, "end_lineno", 0) or 1), kind, what))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self._dotted(node):
            kind = made.holder(self._type(node.value), node.value, node.attr)
            if kind:
                self._done(node, kind, f".{node.attr}")
            elif not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                self.done.append((int(node.end_lineno or 1), "", f".{node.attr}"))
            self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        kind = self._type(node.value)
        what = "[0]"
        if isinstance(node.slice, ast.Constant):
            value = node.slice.value
            what = {"str": "['a']", "ellipsis": "[...]", "NoneType": "[None]"}.get(
                type(value).__name__, "[0]"
            )
        self._done(node, kind, what)
        self._done(node, self._type(node.slice), "key of a dict")
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key in node.keys:
            self._done(node, self._type(key), "key of a dict")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function, dotted = node.func, self._dotted(node.func)
        self._gives(node)
        first = self._type(node.args[0]) if node.args else ""
        if dotted == "isinstance" and len(node.args) > 1:
            asked = node.args[1]
            for each in asked.elts if isinstance(asked, ast.Tuple) else [asked]:
                name = (self._dotted(each) or ast.unparse(each)).rpartition(".")[2]
                self._done(node, first, f"is a {name}")
        if what := words.BUILTINS.get(dotted) or words.DOTTED.get(dotted):
            for each in node.args:
                # Of a dict that is shown, its values, too, become text.
                held = each.values if what == "json" and isinstance(each, ast.Dict) else []
                for one in (each, *held):
                    self._done(node, self._type(one), what)
        if isinstance(function, ast.Attribute) and not dotted:
            kind = self._type(function.value)
            self._done(node, kind, f".{function.attr}()")
            self._done(node, kind, f".{function.attr}({len(node.args) + len(node.keywords)}")
            if not kind:
                self.done.append((int(function.end_lineno or 1), "", f".{function.attr}()"))
        elif not dotted:
            self._done(node, self._type(function), "call with an array" if node.args else "call")
        self.generic_visit(node)

    def _gives(self, node: ast.Call) -> None:
        """What a call gives a function of this file, the nearest of its name."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        nearest = ((*self._place[:depth], name) for depth in range(len(self._place), -1, -1))
        place = next((each for each in nearest if each in self._defined), None)
        if place is None:
            return
        given = self.given.setdefault(place, {})
        for position, each in enumerate(node.args):
            if isinstance(each, ast.Starred):
                break
            given.setdefault(position, set()).add(self._type(each))
        for word in node.keywords:
            if word.arg is not None:
                given.setdefault(word.arg, set()).add(self._type(word.value))

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
            for one, other in ((left, right), (right, left)):
                for what in self._compared(op, other, self._type(one), is_left=one is left):
                    self._done(node, self._type(one), what)
        self.generic_visit(node)

    def _compared(
        self, op: ast.cmpop, other: ast.expr, kind: str, *, is_left: bool
    ) -> Iterator[str]:
        if isinstance(op, ast.In | ast.NotIn):
            yield "key of a dict" if is_left else "in"
        if isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            yield "< 1"
        if isinstance(op, ast.Eq | ast.NotEq):
            if isinstance(other, ast.Tuple):
                yield "== a tuple"
            elif isinstance(other, ast.Constant):
                yield "== None" if other.value is None else "== 1"
            elif kind == self._type(other):
                yield "!= itself" if isinstance(op, ast.NotEq) else "== another like it"

    def visit_BinOp(self, node: ast.BinOp) -> None:
        what = words.OPERATORS.get(type(node.op), "")
        left, right = self._type(node.left), self._type(node.right)
        if isinstance(node.right, ast.Tuple) and what == "+ 1":
            what = "+ (1,)"
        if what:
            self._done(node, left, what)
            self._done(node, right, "1 + " if what == "+ 1" else what)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        what = "bool" if isinstance(node.op, ast.Not) else "- "
        self._done(node, self._type(node.operand), what)
        self.generic_visit(node)

    def _tested(self, node: ast.If | ast.While | ast.IfExp | ast.Assert) -> None:
        self._done(node.test, self._type(node.test), "bool")
        self.generic_visit(node)

    visit_While = visit_IfExp = visit_Assert = _tested  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        asked = self._variable(node.test)
        self.scopes.append({asked: Bound((), type="?Variable")} if asked else {})
        for child in (node.test, *node.body):
            self.visit(child)
        inner = self.scopes.pop()
        self.scopes[-1].update({name: each for name, each in inner.items() if name != asked})
        self._done(node.test, self._type(node.test), "bool")
        for child in node.orelse:
            self.visit(child)

    def _variable(self, test: ast.expr) -> str:
        """What a test asks to be a Variable of NNX, or one of the user's own; empty for others."""
        match test:
            case ast.Call(ast.Name("isinstance"), [ast.Name(name), kind]):
                own = self.classes.get(kind.id, "") if isinstance(kind, ast.Name) else ""
                return name if (own or made.base(self._dotted(kind))) == "Param" else ""
        return ""

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        self._done(node, self._type(node.value), "str")
        self.generic_visit(node)
