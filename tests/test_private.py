"""Nothing leaves the machine: add, search and ask make no connection attempt."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "documents"
COMMANDS = (
    ["add", str(EXAMPLES)],
    ["search", "warranty"],
    ["ask", "When does the warranty of the washing machine end?"],
    ["ask", "物业费每月几号之前缴纳？"],
)

WATCHED = """
import sys
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind"):
        sys.stderr.write(f"NETWORK {event} {args}\\n")
sys.addaudithook(watch)
from inglenook.cli.main import main
sys.argv[0] = "inglenook"
main()
"""


def test_add_search_and_ask_raise_no_network_event(home: Path) -> None:
    """Python's own audit events show no connection, look-up or bind while documents are added and asked."""
    for command in COMMANDS:
        done = subprocess.run([sys.executable, "-c", WATCHED, *command], capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        assert "NETWORK" not in done.stderr


def test_the_watch_sees_a_connection_when_there_is_one() -> None:
    """The proof can fail: a connection attempt to a closed loopback port is reported."""
    script = (
        WATCHED.split("from inglenook", maxsplit=1)[0] + "import socket\nsocket.socket().connect_ex(('127.0.0.1', 9))\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "NETWORK socket.connect" in done.stderr


@pytest.mark.slow
def test_system_call_trace_shows_no_internet_socket(home: Path, tmp_path: Path) -> None:
    """The kernel's view: no process of add, search or ask, native code and children included, opens an internet socket."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed; `apt-get install strace` to run this test")
    for number, command in enumerate(COMMANDS):
        log = tmp_path / f"trace{number}"
        trace = ["strace", "-f", "-qq", "-e", "trace=%network", "-o", str(log)]

        done = subprocess.run(
            [*trace, sys.executable, "-m", "inglenook.cli.main", *command], capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stderr
        calls = log.read_text()
        assert "AF_INET" not in calls
        assert "connect(" not in calls


@pytest.mark.slow
def test_everything_works_in_a_network_namespace_of_its_own(home: Path) -> None:
    """With no network device at all, not even loopback up, add, search and ask give their answers."""
    unshare = shutil.which("unshare")
    probe = subprocess.run([unshare or "false", "-rn", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("user and network namespaces are not available here")
    for command in COMMANDS:
        done = subprocess.run(
            [str(unshare), "-rn", sys.executable, "-m", "inglenook.cli.main", *command],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )

        assert done.returncode == 0, done.stderr
