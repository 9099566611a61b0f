"""`python -m benchmarks` lists the benchmarks; `python -m benchmarks NAME …` runs one with its own options."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """List, or run one."""
    names = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        for name, path in names.items():
            doc = ast.get_docstring(ast.parse(path.read_text())) or ""
            print(f"{name:<12} {doc.splitlines()[0] if doc else ''}")
        print("\npython -m benchmarks NAME --help tells a benchmark's options")
        return
    path = names[sys.argv[1]]
    sys.argv = [str(path), *sys.argv[2:]]
    runpy.run_path(str(path), run_name="__main__")


if __name__ == "__main__":
    main()
