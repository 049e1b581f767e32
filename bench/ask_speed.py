"""How long `ask` takes: from the shell's return key, and in a running process.

    python bench/ask_speed.py FOLDER... [--questions FILE] [--home HOME] [--rounds 15]

Adds the folders to a library first (a library in HOME that has them is used as it is). Questions are JSON lines with
`question`. The process time includes starting Python and loading the encoder and the reader.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inglenook import Library, ask
from inglenook.core.settings import load_settings

QUESTIONS = (
    "Who wrote the style guide for Python code?",
    "What does the borrow checker do?",
    "When was PEP 8 created?",
    "How many bytes does a char take in Rust?",
    "Which keyword makes a function asynchronous?",
    "What is a slice?",
    "TiDB 的默认端口是多少？",
    "如何备份 TiDB 集群？",
)


def process_seconds(question: str, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "inglenook.cli.main", "ask", question, "--json"]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "inglenook-ask-speed")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    questions = QUESTIONS
    if options.questions:
        questions = tuple(json.loads(line)["question"] for line in options.questions.read_text().splitlines())
    settings, _ = load_settings({"home": options.home})
    with Library.open(settings=settings, create=True) as library:
        report = library.add(options.folders)
        ask(questions[0], library, store=False)  # the first answer of a process loads the models
        inside = []
        for number in range(options.rounds * len(questions)):
            started = time.perf_counter()
            ask(questions[number % len(questions)], library)
            inside.append(time.perf_counter() - started)
    environment = {**os.environ, "INGLENOOK_HOME": str(options.home)}
    outside = [process_seconds(questions[n % len(questions)], environment) for n in range(options.rounds)]
    print(
        json.dumps(
            {
                "documents": report.documents,
                "chunks": report.chunks,
                "process_median_s": round(statistics.median(outside), 3),
                "process_max_s": round(max(outside), 3),
                "running_median_ms": round(1000 * statistics.median(inside), 1),
                "running_p95_ms": round(1000 * statistics.quantiles(inside, n=20)[18], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
