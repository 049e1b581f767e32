"""Parse every file of a folder through the parser child and print rates: the claim of docs/readers.md.

    python bench/parse_folder.py FOLDER [--suffix .md]

`cpu_files_s` divides by the processor time of both processes, which other programs do not disturb.
"""

import argparse
import json
import os
import time
from pathlib import Path

from inglenook.core.errors import ReadError
from inglenook.core.settings import Settings
from inglenook.library.parse import Parser


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--suffix", default="")
    given = options.parse_args()
    paths = [path for path in sorted(given.folder.rglob("*")) if path.is_file() and path.name.endswith(given.suffix)]
    num_read = num_refused = num_chars = num_pages = 0
    with Parser(Settings()) as parser:
        layers = parser.layers
        started, before = time.perf_counter(), os.times()
        for index, path in enumerate(paths):
            try:
                stream = parser.parse(path)
                if index + 1 < len(paths):
                    parser.prefetch(paths[index + 1])
                num_chars += sum(len(part.text) for part in stream)
                num_pages += int(stream.info.metadata.get("pages", "0"))
                num_read += 1
            except ReadError:
                num_refused += 1
        seconds = time.perf_counter() - started
    after = os.times()
    cpu_s = sum(after[:4]) - sum(before[:4])  # the child's time is known once it has ended
    result = {
        "bench": "parse_folder", "read": num_read, "refused": num_refused, "characters": num_chars, "pages": num_pages,
        "files_s": round(len(paths) / seconds, 1), "cpu_files_s": round(len(paths) / cpu_s, 1), "pages_s": round(num_pages / seconds, 1),
        "cpu_pages_s": round(num_pages / cpu_s, 1), "seconds": round(seconds, 2), "layers": layers,
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
