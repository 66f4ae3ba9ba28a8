"""The house holds: imports point down the list of rooms in docs/architecture.md, and never in a circle."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# from the top of the house down: a room may use those after it
ROOMS = (
    *("operations", "registry", "comparison", "studies", "search", "tracking", "approaches", "pretrained"),
    *("endpoint", "reports", "evaluation", "data", "shipped", "base"),
)


def modules() -> dict[str, Path]:
    """Dotted name -> file of everything in the package."""
    files = sorted((ROOT / "garment_ml").rglob("*.py"))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in files}


def imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The package's own modules that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (
                name if name in known else node.module
                for name in names
                if node.module.startswith("garment_ml")
            )
            yield from ("experiments" for _ in range(node.module.startswith("experiments")))


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def test_imports_point_down_the_list_of_rooms():
    known, wrong = modules(), []
    for name, file in known.items():
        for other in set(imported(file, known)):
            here, there = room(name), room(other)
            if here in ROOMS and there not in ROOMS[ROOMS.index(here) :] and there != "garment_ml":
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_every_folder_is_a_room_and_says_what_it_is_for():
    folders = {file.parent for file in modules().values()} - {ROOT / "garment_ml"}
    assert {folder.name for folder in folders} == set(ROOMS)
    for folder in folders:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))


def test_no_files_import_each_other_in_a_circle():
    known = modules()
    graph = {name: set(imported(file, known)) - {name} for name, file in known.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, naming the circle
