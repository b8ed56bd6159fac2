"""Which version of the program makes some records: a digest of the code that decides them.

The code is found by following imports, those inside functions too, from the modules that make the
records. A package's `__init__` that is merely on the way to a module is passed by. One that gives a
name of its own, such as a list of importances, is a module like any other.

What is digested is the syntax tree, without comments, docstrings and texts for people: definitions,
units, titles and the like are left out by the name of their field. So what cannot change a record
does not change the digest.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import attnaudit
from attnaudit.execution.remembered import Remembered

# Fields that hold texts for people. A text is left out only where it is written down as such: what
# is computed from anything may decide something.
TEXTS = frozenset(
    (
        *("about", "asks", "beside", "definition", "description", "formula", "help", "hint"),
        *("notes", "source", "title", "traps", "unit"),
    )
)
# The same for fields that are given by their place.
PLACES = {"MetricSpec": (1, 2), "Table": (0,)}


@cache
def code_digest(*starts: str) -> str:
    """The SHA-256 of the code of these modules, by full name, and of all that they import."""
    digest = hashlib.sha256()
    for name, path in sorted(closure(*starts).items()):
        digest.update(f"{name} {_read(path).meaning}\n".encode())
    _REMEMBERED.keep()
    return digest.hexdigest()


def closure(*starts: str) -> dict[str, Path]:
    """These modules and all that they import of the program and of their own packages.

    By name, with their files. Raises ValueError for a start that there is not.
    """
    folders = {attnaudit.__name__: Path(attnaudit.__file__).parent.parent}
    for start in starts:
        top = start.partition(".")[0]
        if top not in folders:
            folders[top] = _folder_of(top)
    found: dict[str, Path] = {}
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = _known_file(name, folders)
        if path is None:
            raise ValueError(f"there is no module {name}")
        found[name] = path
        for module, taken in _read(path).imports:
            inner = f"{module}.{taken}"
            if taken and _known_file(inner, folders) is not None:
                waiting.append(inner)
            elif "." in module and _known_file(module, folders) is not None:
                waiting.append(module)
    return found


def _folder_of(top: str) -> Path:
    """Where a package of somebody else stands."""
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"there is no package {top}")
    return Path(spec.submodule_search_locations[0]).parent


def _known_file(name: str, folders: Mapping[str, Path]) -> Path | None:
    """The file of a module of a known package; None for what is none."""
    folder = folders.get(name.partition(".")[0])
    return None if folder is None else _file_of(name, folder)


@cache
def _file_of(name: str, folder: Path) -> Path | None:
    place = folder.joinpath(*name.split("."))
    paths = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in paths if path.is_file()), None)


class _Module(NamedTuple):
    """What a file imports, as (module, name) or (module, ""), and the digest of what it says."""

    imports: tuple[tuple[str, str], ...]
    meaning: str


# Reading it all takes a second; a command that asks one question takes five.
_REMEMBERED = Remembered(Path(__file__), Path(__file__).parents[1])


@cache
def _read(path: Path) -> _Module:
    imports, meaning = _REMEMBERED.of(path, lambda: list(_parsed(path)))
    return _Module(tuple((module, name) for module, name in imports), meaning)


def _parsed(path: Path) -> _Module:
    tree = ast.parse(path.read_bytes())
    imports = tuple(_imports(tree))
    told: list[str] = []
    _tell(tree, told)
    return _Module(imports, hashlib.sha256("\n".join(told).encode("utf-8", "replace")).hexdigest())


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What is imported by what runs, wherever it stands."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse  # the rest is for type checkers
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)
        elif not isinstance(node, ast.expr):
            waiting += ast.iter_child_nodes(node)


def _tell(node: ast.AST, told: list[str]) -> None:
    """Add what a node says to the computer; the same on every version of Python."""
    told.append(type(node).__name__)
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            for k, item in enumerate(value):
                if _is_bare(node, name, k, item):
                    continue
                if isinstance(item, ast.AST):
                    told.append(name)
                    _tell(item, told)
                else:
                    told.append(f"{name}={item!r}")
        elif isinstance(value, ast.AST):
            if not isinstance(value, ast.expr_context):
                told.append(name)
                _tell(value, told)
        elif value is not None and name != "kind":
            told.append(f"{name}={value!r}")
    told.append(";")


def _is_bare(node: ast.AST, field: str, place: int, item: Any) -> bool:
    """Whether an item of a node is a docstring, or a text for people."""
    if isinstance(item, ast.Expr):
        return isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)
    if isinstance(item, ast.keyword):
        return item.arg in TEXTS and _is_text(item.value)
    if field == "args" and isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return place in PLACES.get(node.func.id, ()) and _is_text(item)
    return False


def _is_text(value: ast.expr) -> bool:
    """Whether a value is text written down, in one piece, in several, or with names filled in."""
    if isinstance(value, (ast.Tuple, ast.List)):
        return all(map(_is_text, value.elts))
    if isinstance(value, ast.BinOp):
        return _is_text(value.left) and _is_text(value.right)
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str)
    return isinstance(value, ast.JoinedStr)
