"""Imports that happen too late: inside a function, when a component has no files to find a module
in. It knows the text of modules and runs none."""

from __future__ import annotations

import ast
import sys
from typing import Iterator, List, NamedTuple, Sequence


class Late(NamedTuple):
    """An import inside a function."""

    file: str
    line: int
    function: str
    module: str
    """The module, by its whole name."""
    name: str
    """What is imported from it, which may be a module itself; empty for the module."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports `{self.module}` inside `{self.function}`"


def late(source: str, file: str) -> List[Late]:
    """The imports inside functions of one module, except those whose failure is caught. ``file`` is
    its path from the project's root."""
    parts = file[: -len(".py")].split("/")
    package = parts[:-1]
    return list(_walk(ast.parse(source, file).body, "", file, package))


def missing(found: Sequence[Late]) -> List[Late]:
    """Those of ``found`` whose module nobody has imported yet."""

    def there(one: Late) -> bool:
        module = sys.modules.get(one.module)
        whole = f"{one.module}.{one.name}"
        return module is not None and (
            not one.name or hasattr(module, one.name) or whole in sys.modules
        )

    return [one for one in found if not there(one)]


def _walk(
    nodes: Sequence[ast.AST], function: str, file: str, package: List[str]
) -> Iterator[Late]:
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _walk(node.body, node.name, file, package)
        elif isinstance(node, ast.Import) and function:
            for alias in node.names:
                yield Late(file, node.lineno, function, alias.name, "")
        elif isinstance(node, ast.ImportFrom) and function:
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Late(file, node.lineno, function, module, alias.name)
        elif isinstance(node, ast.Try) and any(_catches(handler) for handler in node.handlers):
            rest = [*node.handlers, *node.orelse, *node.finalbody]
            yield from _walk(rest, function, file, package)
        else:
            yield from _walk(list(ast.iter_child_nodes(node)), function, file, package)


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    caught = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")
    return any(isinstance(kind, ast.Name) and kind.id in caught for kind in kinds)
