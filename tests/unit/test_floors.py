"""The house: who may import whom, and that our folders win the import."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = {
    "worker": {"server", "tests", "bench"},
    "server": {"worker", "tests", "bench"},
    "crashfarm": {"worker", "server", "tests", "bench"},
}


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("room", sorted(FORBIDDEN))
def test_rooms_import_only_downwards(room: str) -> None:
    """No module of a floor imports one beside or above it."""
    offenders = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / room).rglob("*.py")
        for name in imported(path) & FORBIDDEN[room]
    }
    assert not offenders


@pytest.mark.parametrize("room", ["crashfarm", "worker", "server", "views", "couchapp"])
def test_our_folders_win_the_import(room: str) -> None:
    """The bare names that we use for our packages find ours, whatever else is installed."""
    module = importlib.import_module(room)
    assert Path(str(module.__file__)).parent == ROOT / room


@pytest.mark.parametrize("room", ["views", "couchapp"])
def test_rooms_of_the_database_hold_no_python(room: str) -> None:
    """Beside the one docstring that makes them data packages, views and couchapp hold no Python."""
    found = [path for path in (ROOT / room).rglob("*.py") if path.name != "__init__.py"]
    code = [
        node for node in ast.parse((ROOT / room / "__init__.py").read_text()).body if not isinstance(node, ast.Expr)
    ]
    assert not found
    assert not code


def test_system_tests_import_nothing_of_ours() -> None:
    """Black-box tests see the program as a user does."""
    offenders = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests" / "system").rglob("*.py")
        if imported(path) & {"crashfarm", "worker", "server"}
    }
    assert not offenders
