"""Small faults to be made in a module, one at a time: its tests are good if each of them is seen.

A fault replaces one node of the syntax tree. Types, decorators, docstrings and words for people
(a string with a space in it, the text of an f-string) are left alone: no money hangs on them.
"""

import ast
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

TYPES = {"annotation", "returns", "decorator_list", "type_params", "type_comment", "ctx"}
TYPES_OF = {"tuple", "dict", "Callable"}
NAMING_TYPES = {"cast", "NewType", "TypeVar"}
COMPARED: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
RECKONED: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
TURNED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_UP_TO = re.compile(r"\{(\d+),(\d+)\}")
_AROUND = 30  # characters of the code that are shown on both sides of a change


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: `name` stays the same as long as its function does; `make` puts it in the tree."""

    name: str
    line: int
    make: Callable[[], None]
    in_code: bool = False  # of a function, so that another function's code is all it takes


@dataclass(frozen=True, slots=True)
class _Place:
    """A node where it hangs: `around` is what shows a reader which one is meant."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    around: ast.AST
    where: str
    in_code: bool

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants(tree: ast.Module) -> Iterator[Mutant]:
    """List every fault of a module; `make` changes this very tree."""
    seen: Counter[str] = Counter()
    for place in _places(tree, "", in_code=False):
        for other in _others(place):
            ast.copy_location(other, place.node)
            name = f"{place.where}: {_change(place, other)}"
            seen[name] += 1
            if seen[name] > 1:
                name += f" #{seen[name]}"
            yield Mutant(
                name, getattr(place.node, "lineno", 0), _making(place, other), place.in_code
            )


def _making(place: _Place, other: ast.AST) -> Callable[[], None]:
    return lambda: place.put(other)


def _change(place: _Place, other: ast.AST) -> str:
    """Say what becomes of what, with the common ends cut off."""
    was = ast.unparse(place.around)
    place.put(other)
    new = ast.unparse(other if place.around is place.node else place.around)
    place.put(place.node)
    start = next((i for i, (a, b) in enumerate(zip(was, new, strict=False)) if a != b), 0)
    cut = max(0, start - _AROUND)
    was, new = was[cut:], new[cut:]
    ends = zip(reversed(was), reversed(new), strict=False)
    same = next((i for i, (a, b) in enumerate(ends) if a != b), 0)
    drop = max(0, min(same - _AROUND, len(was) - _AROUND, len(new) - _AROUND))
    return f"{was[: len(was) - drop]} -> {new[: len(new) - drop]}"


def _places(node: ast.AST, where: str, *, in_code: bool) -> Iterator[_Place]:
    for field, value in ast.iter_fields(node):
        if field in TYPES or (isinstance(node, ast.Assign) and _is_naming(node)):
            continue
        for index, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(each, ast.AST) or _is_words(node, field, index, each):
                continue
            inner = where
            if isinstance(each, ast.FunctionDef | ast.ClassDef):
                inner = f"{where}.{each.name}".lstrip(".")
            small = isinstance(node, ast.expr | ast.keyword | ast.comprehension | ast.Assign)
            around = node if small or isinstance(node, ast.Return | ast.AugAssign) else each
            within = in_code or (isinstance(node, ast.FunctionDef) and field == "body")
            yield _Place(node, field, index, each, around, where, within)
            yield from _places(each, inner, in_code=within)


def _is_naming(node: ast.Assign) -> bool:
    """Say whether it lists public names, or gives a type another name."""
    if isinstance(node.value, ast.Subscript) and getattr(node.value.value, "id", "") in TYPES_OF:
        return True
    return isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"


def _is_words(node: ast.AST, field: str, index: int | None, each: ast.AST) -> bool:
    """Say whether a node is a docstring, a word for people or the name of a type."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in NAMING_TYPES:
        return field == "args" and index == 0
    if isinstance(each, ast.keyword) and each.arg == "repr":
        return True
    if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
        return True
    if isinstance(node, ast.JoinedStr) and isinstance(each, ast.Constant):
        return True
    return isinstance(each, ast.Constant) and isinstance(each.value, str) and " " in each.value


def _others(place: _Place) -> Iterator[ast.AST]:
    """List what a node may be mistaken for."""
    for kind, others in _KINDS:
        if isinstance(place.node, kind):
            yield from others(place.node)
    if place.field in {"test", "ifs"} and isinstance(place.node, _PLAIN):
        yield ast.UnaryOp(ast.Not(), place.node)
    if place.field == "func" and isinstance(place.node, ast.Name) and place.node.id in TURNED:
        yield _with(place.node, id=TURNED[place.node.id])


_PLAIN = ast.Name | ast.Attribute | ast.Call


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for index, op in enumerate(node.ops):
        for other in COMPARED[type(op)]:
            yield _with(node, ops=[*node.ops[:index], other(), *node.ops[index + 1 :]])


def _joined(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    yield from _without(node, "values")


def _called(node: ast.Call) -> Iterator[ast.AST]:
    for word, other in zip(node.keywords, _without(node, "keywords"), strict=True):
        if word.arg != "repr":
            yield other


def _reckoned(node: ast.BinOp) -> Iterator[ast.AST]:
    yield _with(node, op=RECKONED[type(node.op)]())


def _listed(node: ast.Set | ast.List | ast.Tuple) -> Iterator[ast.AST]:
    if not isinstance(getattr(node, "ctx", None), ast.Store):
        yield from _without(node, "elts")


def _mapped(node: ast.Dict) -> Iterator[ast.AST]:
    for keys, values in zip(_without(node, "keys"), _without(node, "values"), strict=True):
        yield _with(keys, values=values.values)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
        yield ast.Return(ast.Constant(None))
    if isinstance(node, ast.AugAssign):
        yield _with(node, op=RECKONED[type(node.op)]())
    assigns = isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Tuple)
    gone = ast.Expr | ast.AugAssign | ast.Raise | ast.Break | ast.Continue
    if assigns or isinstance(node, gone):
        yield ast.Pass()


def _constants(value: object) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, bytes):
        yield value + b"x"
    elif isinstance(value, str):
        yield value + "x"
        for found in _UP_TO.finditer(value):
            more = f"{{{found[1]},{int(found[2]) + 1}}}"
            yield value[: found.start()] + more + value[found.end() :]


def _with(node: Any, **fields: object) -> Any:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _without(node: ast.AST, field: str) -> Iterator[Any]:
    """Leave out each one of a list; one operand that is left stands alone."""
    values = getattr(node, field)
    for index in range(len(values)):
        left = [*values[:index], *values[index + 1 :]]
        alone = isinstance(node, ast.BoolOp) and len(left) == 1
        yield left[0] if alone else _with(node, **{field: left})


_KINDS: tuple[tuple[Any, Callable[[Any], Iterator[ast.AST]]], ...] = (
    (ast.stmt, _statements),
    (ast.Constant, lambda node: (ast.Constant(each) for each in _constants(node.value))),
    (ast.Compare, _compared),
    (ast.BoolOp, _joined),
    (ast.BinOp, _reckoned),
    (ast.UnaryOp, lambda node: iter([node.operand])),
    (ast.Call, _called),
    (ast.Set | ast.List | ast.Tuple, _listed),
    (ast.Dict, _mapped),
)
