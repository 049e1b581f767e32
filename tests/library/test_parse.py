"""The parser child: what it may not do, and what happens when a file takes it down."""

import ctypes
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

from inglenook.core.errors import EncryptedError, LimitError, ReadError
from inglenook.core.settings import Settings
from inglenook.library.parse import Parser, unpack_info, unpack_part
from inglenook.library.readers.child import ChildProcess, _readable_folders
from inglenook.library.readers.frames import FrameError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "documents"


@pytest.fixture(scope="module")
def parser():
    with Parser(Settings(parser_seconds=20)) as parser:
        yield parser


def read(parser, path):
    stream = parser.parse(path)
    text = "".join(part.text for part in stream)
    return text, stream


def reason_of(parser, path) -> ReadError:
    with pytest.raises(ReadError) as caught:
        read(parser, path)
    assert caught.value.path == path
    return caught.value


def test_info_and_hash_come_after_the_parts(parser):
    path = EXAMPLES / "washing-machine.pdf"
    text, stream = read(parser, path)

    assert "14 March 2029" in text
    assert (stream.info.format, stream.info.language, stream.info.page_kind) == ("pdf", "en", "page")
    assert stream.content_hash == hashlib.blake2b(path.read_bytes(), digest_size=32).hexdigest()


def test_one_child_reads_every_sample(parser):
    pid = parser._running().pid
    for path in sorted(EXAMPLES.iterdir()):
        text, stream = read(parser, path)
        assert text.strip()
        assert stream.info.language in ("en", "zh", None)

    assert parser._running().pid == pid


def test_prefetched_files_come_in_order_and_a_skipped_one_does_no_harm(parser):
    paths = [EXAMPLES / name for name in ("house-notes.md", "inventory.csv", "workshop.json")]
    parser.prefetch(paths[0])
    parser.prefetch(paths[1])
    first, _ = read(parser, paths[0])
    parser.prefetch(paths[0])
    second, _ = read(parser, paths[1])
    third, _ = read(parser, paths[2])

    assert [first, second, third] == [path.read_text("utf-8") for path in paths]


def test_a_stream_left_half_read_does_not_leak_into_the_next(parser, tmp_path):
    big = tmp_path / "big.txt"
    big.write_text("first words\n" * 100_000)
    next(iter(parser.parse(big)))
    text, _ = read(parser, EXAMPLES / "house-notes.md")

    assert text.startswith("---\ntitle: House notes")


def test_special_files_are_refused_without_waiting(parser, tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nothing")
    (tmp_path / "empty.txt").touch()
    started = time.monotonic()

    for path, words in (
        (tmp_path / "pipe.txt", "named pipe"), (tmp_path, "folder"), (Path("/dev/zero"), "device"), (tmp_path / "loop.txt", "opened"),
        (tmp_path / "gone.txt", "does not exist"), (tmp_path / "empty.txt", "empty"), (Path("a\0b"), "opened"),
    ):  # fmt: skip
        assert words in reason_of(parser, path).reason
    assert time.monotonic() - started < 5


def test_a_file_without_the_right_to_read_says_so(tmp_path):
    """Run as another user where the tests run as root, for whom every file opens."""
    path = tmp_path / "secret.txt"
    path.write_text("x")
    path.chmod(0)
    if os.geteuid() != 0:
        with Parser(Settings()) as parser:
            assert "may not be read" in reason_of(parser, path).reason
        return
    code = (
        "import os,sys\nfrom pathlib import Path\nfrom inglenook.core.errors import ReadError\n"
        "from inglenook.library.parse import _open\nos.setuid(65534)\n"
        "try: _open(Path(sys.argv[1]))\nexcept ReadError as error: print(error.reason)"
    )
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)

    assert "may not be read" in done.stdout


def test_names_of_any_bytes_are_read(parser, tmp_path):
    for name in (
        b"\xff\xfe.txt",
        "空.md".encode(),
        b"-rf.txt",
        b"a\nb.txt",
        b"x" * 251 + b".txt",
        b"..txt",
        b"bad.\xff\xfe",
    ):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.write_text("some words")
        assert read(parser, path)[0] == "some words"


def test_a_file_that_changes_while_it_is_read_is_an_error(parser, tmp_path):
    path = tmp_path / "grows.txt"
    path.write_text("words and words\n" * 120_000)
    stream = parser.parse(path)
    next(iter(stream))
    with path.open("a") as file:
        file.write("more")

    with pytest.raises(ReadError, match="changed while"):
        list(stream)
    assert "more" in read(parser, path)[0]


def test_a_file_replaced_while_it_is_read_is_an_error(parser, tmp_path):
    path = tmp_path / "swapped.txt"
    path.write_text("old old old old\n" * 120_000)
    stream = parser.parse(path)
    next(iter(stream))
    other = tmp_path / "other.txt"
    other.write_text("new")
    other.replace(path)

    with pytest.raises(ReadError, match="changed while"):
        list(stream)


def test_the_child_killed_in_the_middle_costs_one_file(parser, tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("words and words\n" * 120_000)
    stream = parser.parse(path)
    next(iter(stream))
    os.kill(parser._running().pid, 9)

    with pytest.raises(LimitError, match="killed"):
        list(stream)
    assert read(parser, EXAMPLES / "house-notes.md")[0]


def test_a_child_that_hangs_is_given_up():
    with Parser(Settings(parser_seconds=1)) as parser:
        child = parser._running()
        os.kill(child.pid, 19)  # SIGSTOP: as silent as an endless loop
        started = time.monotonic()

        assert "gave nothing to read for 1 s" in reason_of(parser, EXAMPLES / "house-notes.md").reason
        assert time.monotonic() - started < 5
        assert read(parser, EXAMPLES / "house-notes.md")[0]


def test_a_hanging_child_without_a_parent_ends_by_its_own_alarm(tmp_path):
    """The alarm is set before a file is read, so that no orphan computes for ever."""
    child = ChildProcess(memory_mb=256, seconds=1, may_run=False)
    path = tmp_path / "big.txt"
    path.write_text("words\n" * 2_000_000)
    descriptor = os.open(path, os.O_RDONLY)
    child.send("a.txt", descriptor)  # nobody reads the answer: the child blocks on the pipe
    os.close(descriptor)
    child._process.wait(10)

    assert child.end() == -14


@pytest.mark.parametrize(
    "values",
    [
        [5, "text", [], []], [0, 7, [], []], [0, "text", [["paragraph", 0, 9, None, None, None, 0]], [[]]],
        [0, "text", [["poem", 0, 2, None, None, None, 0]], [[]]], [0, "text", [["paragraph", 0, 2, None, None, None, 5]], [[]]],
        [0, "text", [["paragraph", 1, 2, None, None, None, 0], ["paragraph", 0, 1, None, None, None, 0]], [[]]],
        [0, "text", [["paragraph", 0, 2, "x", None, None, 0]], [[]]], "nonsense", None, [0, "text", [["paragraph", 0, 2, True, None, None, 0]], [[]]],
        [0, "text", [["paragraph", 0, 2, None, None, None, 0]], [[7]]],
    ],
)  # fmt: skip
def test_garbage_from_the_child_is_never_believed(values):
    with pytest.raises(FrameError):
        unpack_part(values, 0)


def test_a_malformed_description_is_never_believed():
    good = {"format": "txt", "title": None, "language": None, "created": None, "page_kind": None, "metadata": {}}

    assert unpack_info(good).format == "txt"
    for name, value in (("title", 3), ("metadata", [1]), ("metadata", {"a": 1}), ("format", None)):
        with pytest.raises(FrameError):
            unpack_info(good | {name: value})


@pytest.mark.parametrize(
    "answer", [b"\xff\xff\xff\xff", b"\0\0\0\x05hello", b"\0\0\0\x02[]", b'\0\0\0\x0c{"part":[1]}']
)
def test_garbage_on_the_pipe_is_an_error_of_that_file_only(parser, answer):
    """Bytes that are no frame end the child; the next file starts a fresh one."""
    child = parser._running()
    ours, theirs = os.pipe()
    os.write(theirs, answer)
    os.dup2(ours, child._frames)
    os.close(ours)
    os.close(theirs)

    assert "garbage" in reason_of(parser, EXAMPLES / "house-notes.md").reason
    assert read(parser, EXAMPLES / "house-notes.md")[0]


def test_memory_is_limited_and_the_next_file_works(tmp_path):
    """A notebook is held whole; a sheet with one cell far out makes a table of 17 thousand million cells."""
    notebook = tmp_path / "big.ipynb"
    notebook.write_text('{"cells": [' + ",".join(['{"cell_type":"raw","source":"' + "w" * 100 + '"}'] * 300_000) + "]}")
    sheet = tmp_path / "far.xlsx"
    sheet.write_bytes((EXAMPLES / "expenses-2026.xlsx").read_bytes())
    rewrite_member(sheet, "xl/worksheets/sheet1.xml", lambda data: data.replace(b'"A1"', b'"XFD1048576"'))
    with Parser(Settings(parser_memory_mb=128, parser_seconds=20)) as parser:
        for path in (notebook, sheet):
            assert "128 MB" in reason_of(parser, path).reason
            assert read(parser, EXAMPLES / "house-notes.md")[0]


def rewrite_member(path, name, change):
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)


CONFINED = """
import ctypes, json, os, socket, subprocess, sys
from inglenook.library.readers.sandbox import confine
kept = open({secret!r}, "rb")
layers = confine(memory_mb=200, readable=json.loads({readable!r}))
def attempt(name, act):
    try:
        act()
    except (OSError, MemoryError) as error:
        return f"{{name}}: {{type(error).__name__}}"
    return f"{{name}}: ALLOWED"
results = [
    attempt("socket", lambda: socket.socket()),
    attempt("socketpair", lambda: socket.socketpair()),
    attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    attempt("execute", lambda: os.execv("/bin/true", ["true"])),
    attempt("read", lambda: open({secret!r}).read()),
    attempt("write", lambda: open({secret!r} + "x", "w")),
    attempt("list", lambda: os.listdir({folder!r})),
    attempt("memory", lambda: bytearray(400 << 20)),
    attempt("io_uring", lambda: [os.strerror(ctypes.get_errno())] if ctypes.CDLL(None, use_errno=True).syscall(425, 8, 0) >= 0 else (_ for _ in ()).throw(OSError())),
    attempt("kept", lambda: kept.read()),
]
print(json.dumps([list(layers), results]))
"""


def test_a_confined_process_opens_no_socket_file_or_program(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    folders = [folder for folder in _readable_folders(may_run=False) if not str(tmp_path).startswith(folder)]
    code = CONFINED.format(secret=str(secret), folder=str(tmp_path), readable=json.dumps(folders))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    layers, results = json.loads(done.stdout)
    if not {"landlock", "seccomp"} <= set(layers):
        pytest.skip(f"this kernel offers only {layers}")

    allowed = [result for result in results if "ALLOWED" in result]
    assert allowed == ["kept: ALLOWED"], results


def test_the_child_reports_its_walls(parser):
    assert {"memory limit", "no file writes"} <= set(parser.layers)
    if ctypes.CDLL(None, use_errno=True).prctl(21, 0, 0, 0, 0) == 0:  # PR_GET_SECCOMP is known here
        assert "seccomp" in parser.layers


def test_the_child_has_an_empty_environment_and_no_stray_files(parser, monkeypatch):
    pid = parser._running().pid
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    open_files = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]

    assert environment in (b"LC_ALL=C.UTF-8\0", b"LC_ALL=C.UTF-8\0PATH=/usr/bin:/bin\0")
    assert all(name.startswith(("/dev/null", "pipe:", "socket:")) for name in open_files), open_files


def test_the_child_loads_nothing_heavy(parser):
    """What the child maps in stays small; the limit is on what comes on top."""
    maps = Path(f"/proc/{parser._running().pid}/maps").read_text()

    assert not any(name in maps for name in ("numpy", "faiss", "tantivy", "torch"))


def test_a_password_is_told_from_damage(parser, tmp_path):
    path = tmp_path / "locked.docx"
    path.write_bytes((EXAMPLES / "meeting-minutes.docx").read_bytes())
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 8] |= 1
        at += 4
    path.write_bytes(data)

    assert isinstance(reason_of(parser, path), EncryptedError)


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_a_closed_parser_leaves_no_process_and_no_descriptor():
    before = open_descriptors()
    parser = Parser(Settings())
    list(parser.parse(EXAMPLES / "house-notes.md"))
    parser.prefetch(EXAMPLES / "inventory.csv")
    pid = parser._running().pid
    parser.close()

    assert not Path(f"/proc/{pid}").exists()
    assert open_descriptors() == before


def text_pdf(num_pages: int) -> bytes:
    """A PDF written by hand: one line of text a page."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for number in range(num_pages):
        content = b"BT /F1 12 Tf 72 720 Td (This is page %d of the long report.) Tj ET" % (number + 1)
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(content), content))
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (num_pages, b" ".join(kids))
    data = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    data += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(data)


def test_a_pdf_of_five_thousand_pages_streams(parser, tmp_path):
    path = tmp_path / "long.pdf"
    path.write_bytes(text_pdf(5000))
    stream = parser.parse(path)
    pages = [block.page for part in stream for block in part.blocks]

    assert pages == list(range(1, 5001))
    assert stream.info.metadata["pages"] == "5000"


def test_a_pdf_with_no_text_names_the_extra(parser, tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(text_pdf(1).replace(b"Tj", b"  "))
    error = reason_of(parser, path)

    assert "install the program tesseract" in error.reason or "no text" in error.reason


def peak_mb(pid: int, stop: threading.Event, peaks: list[float]) -> None:
    while not stop.wait(0.05):
        try:
            fields = Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()
        except (OSError, IndexError):
            return
        peaks.append(int(fields[0]) / 1024)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("line", [b"a line of some words in a huge file\n", b"one endless line without any end, "])
def test_a_gigabyte_streams_in_bounded_memory(tmp_path, line):
    """Both processes together stay far below 600 MB; the second case is one line of a gigabyte."""
    path = tmp_path / "huge.txt"
    block = line * ((1 << 20) // len(line))
    with path.open("wb") as file:
        for _ in range(1024):
            file.write(block)
    size = path.stat().st_size
    with Parser(Settings()) as parser:
        stop, peaks = threading.Event(), [0.0]
        watch = threading.Thread(target=peak_mb, args=(parser._running().pid, stop, peaks))
        watch.start()
        try:
            stream = parser.parse(path)
            total = largest = 0
            for part in stream:
                total += len(part.text)
                largest = max(largest, len(part.text))
        finally:
            stop.set()
            watch.join()

    assert total == size
    assert largest < 100_000
    assert max(peaks) < 120


@pytest.mark.slow
@pytest.mark.shared
def test_every_file_of_a_wild_collection_is_read_or_refused_with_a_reason(shared_data, tmp_path):
    with tarfile.open(shared_data / "docs_formats" / "docs_formats.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    read_files, refused = [], []
    with Parser(Settings(parser_seconds=30)) as parser:
        for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
            try:
                text, stream = read(parser, path)
            except ReadError as error:
                refused.append((path, error.reason))
            else:
                assert text.strip(), path
                assert stream.info.format
                read_files.append(path)

    assert len(read_files) + len(refused) == 194
    assert all(len(reason) > 8 and "gave nothing" not in reason for _, reason in refused)
    old = [path for path, _ in refused if path.suffix in (".doc", ".ppt")]
    assert len(refused) - len(old) < 30
