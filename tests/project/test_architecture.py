"""The rooms of the package, and what the documentation says about them."""

import ast
import importlib
import re

import pytest
from support import ROOT

PACKAGE = ROOT / "tpspred"
MAX_MODULES_IN_ROOT = 8
# Each floor may import from the floors after it, and a room from itself.
FLOORS = [
    {"__main__"},
    {"cli"},
    {"evaluation"},
    {"building", "pipeline", "pretraining", "writers"},
    {"model"},
    {"encoders"},
    {"family"},
    {"dataset"},
    {"io"},
    {"device", "signals"},
    {"console"},
    {"errors"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imports(name, inside_functions):
    """Modules of the package that a module imports, without those for type checking alone."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()

    def visit(node):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            return
        if isinstance(node, ast.FunctionDef) and not inside_functions:
            return
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1])
            base += f".{node.module}" if node.module else ""
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in MODULES else base)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found - {name}


def room(name):
    """The room of a module, or the module itself if it lies in the root."""
    return name.split(".")[1] if "." in name else ""


def test_the_root_is_small():
    assert len(list(PACKAGE.glob("*.py"))) <= MAX_MODULES_IN_ROOT


def test_every_room_has_a_floor_and_a_first_line_that_describes_it():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(FLOOR_OF)
    for name in rooms:
        first_line = (PACKAGE / name / "__init__.py").read_text().splitlines()[0]
        assert re.match(r'"""[A-Z].+ imports? .+\.(""")?$', first_line), (name, first_line)


def test_rooms_import_from_the_floors_below():
    for name in MODULES.keys() - {"tpspred"}:
        for other in imports(name, inside_functions=True) - {"tpspred"}:
            same_room = room(name) == room(other)
            assert same_room or FLOOR_OF[room(name)] < FLOOR_OF[room(other)], (name, other)


def test_no_module_imports_itself_in_a_circle():
    graph = {name: imports(name, inside_functions=False) & MODULES.keys() for name in MODULES}
    done, path = set(), []

    def visit(name):
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name not in done:
            path.append(name)
            for other in sorted(graph[name]):
                visit(other)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)


def test_tests_mirror_the_rooms():
    """Every module has a unit file in the folder of its room."""
    for path in MODULES.values():
        if path.stem not in ("__init__", "__main__") and path.parent.name != "cli":
            folder = ROOT / "tests" / path.parent.relative_to(PACKAGE)
            assert (folder / f"test_{path.stem}.py").exists(), path.relative_to(ROOT)


ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
ROOMS = "|".join(sorted(FLOOR_OF))


@pytest.mark.parametrize("text", [ARCHITECTURE, CONTRIBUTING], ids=["architecture", "contributing"])
def test_names_in_the_documentation_exist(text):
    names = re.findall(rf"`((?:{ROOMS})\.[\w.]+)`", text)
    assert len(names) > 5
    for name in names:
        if name.endswith((".py", ".tsv")):
            continue
        parts = name.split(".")
        depth = next(
            k for k in range(len(parts), 0, -1) if ".".join(["tpspred", *parts[:k]]) in MODULES
        )
        place = importlib.import_module(".".join(["tpspred", *parts[:depth]]))
        for part in parts[depth:]:
            place = getattr(place, part)


@pytest.mark.parametrize("text", [ARCHITECTURE, CONTRIBUTING], ids=["architecture", "contributing"])
def test_files_in_the_documentation_exist(text):
    for path in re.findall(r"`((?:bin|benchmarks|docs|test_data|tests|tpspred)/[\w./-]+)`", text):
        assert "NAME" in path or (ROOT / path).exists(), path
    for path in re.findall(r"\]\((\.\./)?([\w./-]+)\)", text):
        assert (ROOT / path[1]).exists(), path


def test_all_modules_stand_in_the_table_of_rooms():
    table = ARCHITECTURE[
        ARCHITECTURE.index("| room |") : ARCHITECTURE.index("## The walk of a protein")
    ]
    for name, path in MODULES.items():
        if path.stem != "__init__" and room(name) not in ("cli", path.stem):
            assert f"`{path.stem}`" in table, name
