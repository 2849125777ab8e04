"""No module imports itself by way of others."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(file.parent for file in ROOT.glob("*/__init__.py") if file.parent.name != "tests")


def module_name(file: Path) -> str:
    """The dotted name of a file below the root."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(source: str, known: set[str]) -> set[str]:
    """The known modules that a file imports at any level, also within functions; not those for type checking only."""
    tree = ast.parse(source)
    only_types = {
        id(each)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for each in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found |= submodules or {node.module}
    return found & known


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """A cycle of a graph, or an empty list."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for each in sorted(graph[name]):
            if cycle := visit(each, [*path, name]):
                return cycle
        done.add(name)
        return []

    return next((cycle for name in sorted(graph) if (cycle := visit(name, []))), [])


def test_no_import_cycles():
    """No module imports itself by way of others, not even with an import within a function."""
    files = [file for package in PACKAGES for file in package.rglob("*.py")]
    known = {module_name(file) for file in files}

    graph = {module_name(file): imported_modules(file.read_text(encoding="utf-8"), known) for file in files}

    assert len(graph) > 100
    assert find_cycle(graph) == []


def test_a_cycle_is_found():
    """A cycle is reported with all its modules; an import within a function counts, one for types only does not."""
    known = {"a", "b", "c"}
    graph = {
        "a": imported_modules("def f():\n    from b import x", known),
        "b": imported_modules("import c", known),
        "c": imported_modules("from a import y", known),
    }

    assert find_cycle(graph) == ["a", "b", "c", "a"]
    assert find_cycle(graph | {"c": imported_modules("if TYPE_CHECKING:\n    import a", known)}) == []
