"""The parent's handle on the parser child: start it, hand it an open file, take its frames, end it.

Knows processes, pipes and clocks; knows nothing of documents. Whatever the child writes is only bytes here.
"""

import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import inglenook
from inglenook.core.errors import InternalError
from inglenook.library.readers.frames import MAX_FRAME_BYTES, FrameError, decode_frame

START_SECONDS = 30
PIPE_BYTES = 1 << 20
_BOOT = (
    "import sys,json;o=json.loads(sys.argv[1]);sys.path[:]=o['path'];"
    "from inglenook.library.readers.worker import main;main(o)"
)


class ChildProcess:
    """One running parser child.

    Attributes:
        layers: the names of the walls around it.
    """

    def __init__(self, *, memory_mb: int, seconds: int, may_run: bool) -> None:
        requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._frames, output = os.pipe()
        enlarge_pipe(output)
        options = {
            "path": _import_path(),
            "readable": _readable_folders(may_run=may_run),
            "requests": theirs.fileno(),
            "output": output,
            "memory_mb": memory_mb,
            "seconds": seconds,
            "may_run": may_run,
        }
        self._requests = requests
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _BOOT, json.dumps(options)],
            env={"LC_ALL": "C.UTF-8"} | ({"PATH": "/usr/bin:/bin"} if may_run else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            pass_fds=(theirs.fileno(), output),
        )
        theirs.close()
        os.close(output)
        try:
            self.layers = tuple(str(layer) for layer in self.receive(START_SECONDS)["hello"])
        except (EOFError, TimeoutError, FrameError, KeyError) as error:
            code = self.end()
            raise InternalError(f"the parser process did not start (exit code {code}); this is our fault") from error

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Say whether the process still runs."""
        return self._process.poll() is None

    def send(self, name: str, descriptor: int) -> bool:
        """Hand over an open file; return False when the child no longer listens."""
        try:
            socket.send_fds(self._requests, [json.dumps({"name": name}).encode()], [descriptor])
        except OSError:
            return False
        return True

    def receive(self, seconds: float) -> dict[str, Any]:
        """Return the next frame.

        Raises:
            TimeoutError: no whole frame came in time.
            EOFError: the child has ended.
            FrameError: what came is no frame.
        """
        deadline = time.monotonic() + seconds
        size = int.from_bytes(self._read(4, deadline), "big")
        if size > MAX_FRAME_BYTES:
            raise FrameError(f"it announced a frame of {size} bytes; the cap is {MAX_FRAME_BYTES}")
        return decode_frame(self._read(size, deadline))

    def end(self) -> int:
        """Kill the child if it still runs, and return its exit code (negative: the signal that ended it)."""
        try:
            self._process.wait(0.05 if self._at_end() else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
        code = self._process.wait()
        self._requests.close()
        if self._frames >= 0:
            os.close(self._frames)
            self._frames = -1
        return code

    def _at_end(self) -> bool:
        """Say whether the child has closed its pipe, and so is about to be gone."""
        if self._frames < 0:
            return False
        poll = select.poll()
        poll.register(self._frames, select.POLLIN)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def _read(self, size: int, deadline: float) -> bytes:
        poll = select.poll()
        poll.register(self._frames, select.POLLIN)
        data = bytearray()
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError
            piece = os.read(self._frames, min(size - len(data), 1 << 20))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)


def enlarge_pipe(descriptor: int) -> None:
    """Let the child run ahead by about a megabyte, where the system allows it."""
    try:
        fcntl.fcntl(descriptor, getattr(fcntl, "F_SETPIPE_SZ", 1031), PIPE_BYTES)
    except OSError:
        return


def _import_path() -> list[str]:
    """What the child imports from: this package first, however it was installed, then what we import from."""
    package = str(Path(inglenook.__file__).resolve().parent.parent)
    return [package, *(str(Path(entry).resolve()) for entry in sys.path if entry and Path(entry).exists())]


def _readable_folders(*, may_run: bool) -> list[str]:
    """Python's own folders and the system's libraries: what an import may open."""
    paths = sysconfig.get_paths()
    folders = {*_import_path(), paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]}
    system = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/proc/self/statm", "/dev/null", "/dev/urandom"]
    if may_run:
        system.append("/bin")
    resolved = {str(Path(folder).resolve()) for folder in (*folders, *system) if Path(folder).exists()}
    return sorted(resolved | {"/proc"})
