"""Take rights away from this process: no files, no network, no new programs, bounded memory.

Layers, each on its own, so that what a kernel lacks weakens the wall and does not break the program:
resource limits; a network namespace with nothing in it; Landlock, which leaves only Python's own folders readable;
a seccomp filter under which sockets, programs, tracing and io_uring fail with EPERM. `confine` returns the layers in
force. Linux only; elsewhere the resource limits stand alone. Constants are from the kernel's `include/uapi` headers.
"""

import contextlib
import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SECCOMP_RET_ALLOW, _SECCOMP_RET_EPERM, _SECCOMP_RET_KILL = 0x7FFF0000, 0x00050001, 0x80000000
# Numbers of the system calls refused; `asm/unistd_64.h` for x86_64, `asm-generic/unistd.h` for aarch64.
# fmt: off
_DENIED = {
    "x86_64": {
        "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46, "bind": 49, "listen": 50, "socketpair": 53,
        "fork": 57, "vfork": 58, "execve": 59, "ptrace": 101, "setns": 308, "unshare": 272, "mount": 165, "accept4": 288,
        "open_by_handle_at": 304, "sendmmsg": 307, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321,
        "execveat": 322, "userfaultfd": 323, "perf_event_open": 298, "keyctl": 250, "io_uring_setup": 425,
        "pidfd_open": 434, "pidfd_getfd": 438,
    },
    "aarch64": {
        "socket": 198, "connect": 203, "accept": 202, "sendto": 206, "sendmsg": 211, "bind": 200, "listen": 201,
        "socketpair": 199, "execve": 221, "ptrace": 117, "setns": 268, "unshare": 97, "mount": 40, "accept4": 242,
        "open_by_handle_at": 265, "sendmmsg": 269, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280,
        "execveat": 281, "userfaultfd": 282, "perf_event_open": 241, "keyctl": 219, "io_uring_setup": 425,
        "pidfd_open": 434, "pidfd_getfd": 438,
    },
}
# fmt: on
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_PROGRAM_CALLS = frozenset({"fork", "vfork", "execve"})
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_ALL_V1 = (1 << 13) - 1
_LANDLOCK_EXECUTE, _LANDLOCK_READ = 1 << 0, (1 << 2) | (1 << 3)


def confine(*, memory_mb: int, readable: Iterable[str], may_run: bool = False) -> tuple[str, ...]:
    """Take this process's rights away, for good, and return the names of the layers in force.

    Args:
        memory_mb: address space it may add to what it has now.
        readable: folders it may still read (Python's own, for imports).
        may_run: it may start programs beneath /usr (the OCR program needs that); they inherit every limit.
    """
    layers = ["memory limit", "no file writes"] if _limit_resources(memory_mb) else []
    if sys.platform != "linux":
        return tuple(layers)
    if _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        layers.append("empty network namespace")
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return tuple(layers)
    if _restrict_files(readable, may_run=may_run):
        layers.append("landlock")
    if _filter_calls(may_run=may_run):
        layers.append("seccomp")
    return tuple(layers)


def _limit_resources(memory_mb: int) -> bool:
    ceiling = address_space_bytes() + (memory_mb << 20)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ValueError, OSError):
        return False
    return True


def address_space_bytes() -> int:
    """Return the size of this process's address space, or 0 where the system does not say."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    return 0


def _restrict_files(readable: Iterable[str], *, may_run: bool) -> bool:
    """Landlock (kernel 5.13): every file right is gone, but reading beneath the named folders."""
    rules = struct.pack("=Q", _LANDLOCK_ALL_V1)
    ruleset = _LIBC.syscall(_LANDLOCK_CREATE, ctypes.c_char_p(rules), ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0:
        return False
    try:
        for folder in readable:
            rights = _LANDLOCK_READ | (_LANDLOCK_EXECUTE if may_run and folder.startswith("/usr") else 0)
            with contextlib.suppress(OSError):
                _allow_beneath(ruleset, folder, rights)
        return bool(_LIBC.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow_beneath(ruleset: int, folder: str, rights: int) -> None:
    if not Path(folder).is_dir():
        rights &= ~(1 << 3)
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        _LIBC.syscall(_LANDLOCK_ADD, ruleset, 1, ctypes.c_char_p(rule), 0)
    finally:
        os.close(descriptor)


def _filter_calls(*, may_run: bool) -> bool:
    """Install a seccomp filter in classic BPF: refused calls give EPERM, a foreign architecture ends the process."""
    machine = platform.machine()
    if machine not in _DENIED or sys.maxsize < 1 << 32:
        return False
    denied = [number for name, number in _DENIED[machine].items() if not (may_run and name in _PROGRAM_CALLS)]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    program = [
        (load, 0, 0, 4),  # seccomp_data.arch
        (equal, 1, 0, _AUDIT_ARCH[machine]),
        (answer, 0, 0, _SECCOMP_RET_KILL),
        (load, 0, 0, 0),  # seccomp_data.nr
        (at_least, len(denied) + 1, 0, 0x40000000),  # the x32 calls have numbers of their own
    ]
    program += [(equal, len(denied) - index, 0, number) for index, number in enumerate(denied)]
    program += [(answer, 0, 0, _SECCOMP_RET_ALLOW), (answer, 0, 0, _SECCOMP_RET_EPERM)]
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    steps = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(steps)))
    return bool(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0)
