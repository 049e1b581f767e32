"""The parser child: takes open files one after the other, reads each, and sends back frames.

Started by `library/parse.py` as a fresh process with an empty environment. A request is one message with the file's
descriptor attached (the child cannot open files of its own); the answer is frames: `part` (any number), `alive` (a slow
reader still works), then `done` or `error`. When a file takes the child down, the parent reports that file.
"""

import json
import os
import signal
import socket
import sys
import time
from typing import Any

from inglenook.core.errors import EncryptedError, LimitError, ReadError, UnsupportedError
from inglenook.core.types import BlockKind, Part
from inglenook.library.readers import Source, reader_for, sniff
from inglenook.library.readers.frames import encode_frame, write_all
from inglenook.library.readers.language import LanguageCount
from inglenook.library.readers.sandbox import address_space_bytes, confine

ALIVE_SECONDS = 1.0
_NAMED = (EncryptedError, UnsupportedError, LimitError)


class Worker:
    """Serves requests until the parent closes the channel."""

    def __init__(self, output: int, seconds: int, memory_mb: int) -> None:
        self.output = output
        self.seconds = seconds
        self.memory_mb = memory_mb
        self.start_bytes = address_space_bytes()
        self._last_sign = 0.0

    def send(self, message: dict[str, Any]) -> None:
        """Write a frame; silence is counted from here. The alarm ends a child that hangs after its parent has died."""
        write_all(self.output, encode_frame(message))
        self._last_sign = time.monotonic()
        signal.alarm(2 * self.seconds)

    def progress(self) -> None:
        """Tell the parent, at most once a second, that work goes on."""
        if time.monotonic() - self._last_sign > ALIVE_SECONDS:
            self.send({"alive": True})

    def serve(self, requests: socket.socket) -> None:
        """Answer requests until the channel closes or memory has grown so much that a fresh process is better."""
        while True:
            signal.alarm(0)
            body, descriptors, _, _ = socket.recv_fds(requests, 4096, 1)
            if not body or not descriptors:
                return
            signal.alarm(2 * self.seconds)
            self._last_sign = time.monotonic()
            if not self.answer(json.loads(body)["name"], descriptors[0]):
                return

    def answer(self, name: str, descriptor: int) -> bool:
        """Read one file; return whether this process may go on."""
        try:
            with open(descriptor, "rb", buffering=1 << 16) as file:
                last = self.read(name, file)
        except MemoryError:
            last = _error("LimitError", f"needs more than {self.memory_mb} MB to read; raise parser_memory_mb")
            last["fresh"] = True
        except ReadError as error:
            last = _error(
                next((kind.__name__ for kind in _NAMED if isinstance(error, kind)), "ReadError"), error.reason
            )
        except RecursionError:
            last = _error("LimitError", "is nested too deeply to read")
        except Exception as error:
            last = _error("ReadError", f"is damaged or not what its name says: {type(error).__name__}: {error}"[:500])
        if address_space_bytes() - self.start_bytes > (self.memory_mb << 20) // 2:
            last["fresh"] = True
        self.send(last)
        return "fresh" not in last

    def read(self, name: str, file: Any) -> dict[str, Any]:
        """Send the parts of one file and return the closing frame."""
        format_name = sniff(file, name)
        source = Source(file, name, progress=self.progress)
        language = LanguageCount()
        first_heading = None
        empty = True
        for part in reader_for(format_name)(source):
            self.send({"part": pack_part(part)})
            language.add(part.text)
            empty = empty and not part.blocks
            if first_heading is None:
                first_heading = _first_heading(part)
        if empty:
            raise source.fail(source.facts.metadata.get("why_empty", "holds no text"))
        facts = source.facts
        info = {
            "format": format_name,
            "title": facts.title or (first_heading if facts.page_kind != "sheet" else None),
            "language": facts.language or language.guess(),
            "created": facts.created,
            "page_kind": facts.page_kind,
            "metadata": facts.metadata,
        }
        return {"done": info, "hash": source.content_hash, "size": source.size}


def pack_part(part: Part) -> list[Any]:
    """Return a part as JSON values; each heading path is written once."""
    paths: dict[tuple[str, ...], int] = {}
    blocks = [
        [b.kind, b.char_start, b.char_end, b.page, b.line_start, b.line_end, paths.setdefault(b.heading, len(paths))]
        for b in part.blocks
    ]
    return [part.char_start, part.text, blocks, list(paths)]


def _first_heading(part: Part) -> str | None:
    for block in part.blocks[:50]:
        if block.kind is BlockKind.HEADING and block.heading:
            return block.heading[-1]
    return None


def _error(kind: str, reason: str) -> dict[str, Any]:
    return {"error": kind, "reason": reason.encode("utf-8", "replace").decode()}


def main(options: dict[str, Any]) -> None:
    """Run the child: confine this process, say hello, serve."""
    import zipfile  # noqa: F401 - what every second file needs is loaded before the doors close

    requests = socket.socket(fileno=options["requests"])
    worker = Worker(options["output"], options["seconds"], options["memory_mb"])
    layers = confine(memory_mb=options["memory_mb"], readable=options["readable"], may_run=options["may_run"])
    worker.start_bytes = address_space_bytes()
    worker.send({"hello": list(layers), "pid": os.getpid()})
    worker.serve(requests)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
