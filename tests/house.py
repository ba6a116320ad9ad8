"""Print the figures of the house: sizes, levels of imports, suppressions, broad excepts.

Usage: ``python tests/house.py [REPOSITORY]``. Any commit can be measured, also one from before
this script: check it out elsewhere and name its folder.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import median, quantiles

PACKAGES = ("kiosk", "train", "convert")
_SUPPRESSION = re.compile(
    r"# (?:noqa: ([A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)*)|type: ignore\[([a-z-]+)\])"
)


def modules(repository: Path) -> dict[str, Path]:
    """Return the files of the packages by dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((repository / package).rglob("*.py")):
            parts = path.relative_to(repository).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def body_sizes(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of each function's body, without its docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def imported(tree: ast.AST, known: dict[str, Path]) -> set[str]:
    """Return the modules of the packages that a module imports, at its top or in a function."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & set(known)


def levels(graph: dict[str, set[str]]) -> int:
    """Return the length of the longest chain of imports, in modules."""

    @cache
    def depth(name: str) -> int:
        return 1 + max((depth(other) for other in graph[name] - {name}), default=0)

    return max(depth(name) for name in graph)


def is_broad(node: ast.AST) -> bool:
    """Whether a node is an ``except`` that catches every exception."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    return node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}


def spread(values: Sequence[int]) -> str:
    """Return median, 95th percentile and largest."""
    return f"median {median(values):g}, p95 {quantiles(values, n=20)[-1]:.0f}, max {max(values)}"


def main(repository: Path) -> None:
    """Print the figures."""
    files = modules(repository)
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    folders = Counter(str(path.parent.relative_to(repository)) for path in files.values())
    kinds = Counter(
        code
        for text in texts.values()
        for found in _SUPPRESSION.finditer(text)
        for code in (found[1] or found[2]).split(", ")
    )
    print(f"modules: {len(files)}, lines: {sum(t.count(chr(10)) for t in texts.values())}")
    print(f"files in a folder: {', '.join(f'{name} {n}' for name, n in sorted(folders.items()))}")
    print(f"levels of imports: {levels({n: imported(t, files) for n, t in trees.items()})}")
    print(f"module lines: {spread([text.count(chr(10)) for text in texts.values()])}")
    print(f"function lines: {spread([n for tree in trees.values() for n in body_sizes(tree)])}")
    print(f"broad excepts: {sum(is_broad(n) for t in trees.values() for n in ast.walk(t))}")
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    print(f"suppressions: {sum(kinds.values())} ({listed})")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
