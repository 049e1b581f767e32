"""What the package may not do: act when imported, reach upward, run foreign code, or have a test that cannot fail."""

import ast
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src" / "inglenook").rglob("*.py"))
TESTS = sorted(ROOT.glob("tests/**/test_*.py"))

# Reports every audit event of `import inglenook` that touches a file outside Python's own import, the network or a process.
WATCHED_IMPORT = """
import os, sys
events = []
class Environment(type(os.environ)):
    def __getitem__(self, key):
        if not key.startswith("SKBUILD_"):  # the import hook of an editable install reads its own switch
            events.append(f"environment {key}")
        return super().__getitem__(key)
def hook(event, args):
    if event == "open":
        path, mode = str(args[0]), args[1]
        if not path.endswith((".py", ".pyc")) or (mode and set(mode) & set("wax+")) and ".pyc" not in path:
            events.append(f"open {path} {mode}")
    elif event.split(".")[0] in ("socket", "subprocess", "sqlite3", "ctypes", "shutil", "tempfile"):
        events.append(event)
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.fork", "os.putenv", "os.system", "os.exec"):
        events.append(event)
os.environ.__class__ = Environment
sys.addaudithook(hook)
import inglenook
print("\\n".join(events))
"""


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_package_touches_nothing():
    """`import inglenook` opens no file but its own code, no socket, no process, and reads no environment variable."""
    assert run_python(WATCHED_IMPORT).strip() == ""


def test_the_watch_on_imports_sees_what_it_forbids():
    """The test above can fail: a file, an environment read and a socket are each reported."""
    guilty = "import os, socket; open('/dev/null'); os.environ.get('HOME'); socket.socket().close()"

    seen = run_python(WATCHED_IMPORT.replace("import inglenook", guilty))

    assert "open /dev/null r" in seen
    assert "environment HOME" in seen
    assert "socket.__new__" in seen


def test_importing_the_package_is_quick():
    """Under 100 ms of processor time more than an empty Python, at the best of five."""
    took = {"pass": 9.0, "import inglenook": 9.0}
    for _ in range(5):
        for code, best in list(took.items()):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run_python(code)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took[code] = min(best, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)

    assert took["import inglenook"] - took["pass"] < 0.1


def test_importing_the_package_loads_nothing_heavy():
    """Heavy libraries wait until something needs them."""
    loaded = set(run_python("import inglenook, sys; print('\\n'.join(sys.modules))").split())

    assert not loaded & {"torch", "numpy", "faiss", "tantivy", "rich", "lxml", "huggingface_hub", "tokenizers"}


def test_the_public_names_resolve():
    """Every name the package offers can be had, and an unknown one is an AttributeError."""
    import inglenook

    assert all(getattr(inglenook, name) is not None for name in inglenook.__all__)
    with pytest.raises(AttributeError, match="no attribute 'ponder'"):
        _ = inglenook.ponder


def test_layers_only_look_down():
    """The import contract of the architecture page holds."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_source_can_run_foreign_code(path: Path):
    """No pickle, marshal, shelve, eval, exec or shell: documents and models stay data. PyTorch is for `train` alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    forbidden = {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib"}
    if "train" not in path.relative_to(ROOT / "src" / "inglenook").parts:
        forbidden |= {"torch", "sentence_transformers", "onnxruntime", "transformers"}

    assert not set(imported(tree)) & forbidden
    assert not set(called(tree)) & {"eval", "exec", "compile", "os.system", "os.popen", "__import__"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and is_dangerous(node)]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT / "tests")))
def test_every_test_asserts_something(path: Path):
    """A test with nothing to assert cannot fail; of a state machine, some invariant or rule must assert."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
    helpers = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and asserts(n)}

    idle = [f.name for f in functions if not asserts(f) and not set(called(f)) & helpers]

    assert functions or ("RuleBasedStateMachine" in ast.unparse(tree) and helpers), f"{path} holds no test"
    assert not idle


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def called(tree: ast.AST) -> Iterator[str]:
    return (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_dangerous(node: ast.keyword) -> bool:
    """Whether the keyword hands words to a shell or lets numpy unpickle."""
    is_off = isinstance(node.value, ast.Constant) and node.value.value is False
    return node.arg in ("shell", "allow_pickle") and not is_off


def asserts(function: ast.FunctionDef) -> bool:
    """Whether the function has an assert that is not of a bare constant, or expects an error or a warning."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.raises", "pytest.warns", "pytest.fail"):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1].startswith("assert_"):
            return True
    return False
