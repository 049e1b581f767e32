"""Documents per second of `inglenook add` against LangChain and LlamaIndex, each with Chroma and the same MiniLM.

    python bench/add_folder.py FOLDER --peer-python PEER/bin/python [--peers langchain,llamaindex256,llamaindex] [--rounds 2]

Ours and the peers take turns in one run. Ours counts the whole process, start included; a peer's seconds count from the
first file read, its imports and model load left out. Peak memory is the largest process of each.
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


def timed(command: list[str], environment: dict[str, str]) -> tuple[str, float, float]:
    """Run a command; return its output, wall seconds and peak memory in MB."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            raise SystemExit(f"{command} ended with status {status}")
        out.seek(0)
        return out.read(), seconds, usage.ru_maxrss / 1024


def ours(folder: str, home: str) -> dict:
    command = [sys.executable, "-m", "inglenook.cli.main", "add", folder, "--json"]
    text, seconds, peak = timed(command, {**os.environ, "INGLENOOK_HOME": home})
    report = json.loads(text)
    return {"documents": report["documents"], "chunks": report["chunks"], "seconds": seconds, "peak_mb": peak}


def theirs(peer: str, python: str, folder: str) -> dict:
    script = str(Path(__file__).with_name("peers.py"))
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False", "TOKENIZERS_PARALLELISM": "true"}
    text, _, peak = timed([python, script, peer, folder], quiet)
    return {**json.loads(text.strip().splitlines()[-1]), "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--peers", default="langchain,llamaindex256,llamaindex")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    rates: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as home:
            first = ours(options.folder, home)
            again = ours(options.folder, home)
        runs = [{"who": "inglenook", **first}, {"who": "inglenook, second add", **again}]
        runs += [{"who": p, **theirs(p, options.peer_python, options.folder)} for p in options.peers.split(",")]
        for run in runs:
            rates.setdefault(run["who"], []).append(run["documents"] / run["seconds"])
            print(json.dumps(run), flush=True)
    medians = {who: statistics.median(values) for who, values in rates.items()}
    ratios = {p: medians["inglenook"] / medians[p] for p in options.peers.split(",")}
    print(json.dumps({"documents_per_s": medians, "ratio_to": ratios}))


if __name__ == "__main__":
    main()
