"""Print the ten longest functions of a source tree, and the median and 90th percentile, to watch their length."""

import ast
import statistics
import sys
from pathlib import Path


def function_lengths(root: Path) -> list[tuple[int, str]]:
    """Return (lines, "path:line name") of every function below `root`, longest first."""
    found = []
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append((lines, f"{path}:{node.lineno} {node.name}"))
    return sorted(found, reverse=True)


def main() -> None:
    found = function_lengths(Path(sys.argv[1] if len(sys.argv) > 1 else "src/inglenook"))
    for lines, where in found[:10]:
        print(f"{lines:5d}  {where}")
    lengths = [lines for lines, _ in found]
    if len(lengths) > 1:
        print(
            f"{len(lengths)} functions, median {statistics.median(lengths):g}, p90 {statistics.quantiles(lengths, n=10)[8]:g}"
        )


if __name__ == "__main__":
    main()
