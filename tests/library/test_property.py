"""Any sequence of add, update, remove, rename and reopen leaves what a brute-force twin says."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inglenook.core.settings import Settings
from inglenook.library import Library
from inglenook.testing import load_bag

NAMES = st.sampled_from(["a.txt", "b.txt", "deep/c.txt", "deep/d.md", "中文.txt"])
WORDS = ("lamp", "harbour", "quince", "oxen", "灯塔", "保修")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(
    lambda words: "\n\n".join(f"The {word} stands here, said number {i}." for i, word in enumerate(words))
)


class LibraryMachine(RuleBasedStateMachine):
    """The twin is a dict: path -> text, brought up when the library syncs."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="inglenook-"))
        self.folder = self.home / "papers"
        (self.folder / "deep").mkdir(parents=True)
        self.settings = Settings(home=self.home / "home", chunk_tokens=16)
        self.library = Library.open("p", self.settings, create=True, load_encoder=load_bag)
        self.library.add([self.folder])
        self.on_disk: dict[str, str] = {}
        self.stored: dict[str, str] = {}
        self.excluded: set[str] = set()

    def teardown(self) -> None:
        self.library.close()
        shutil.rmtree(self.home)

    @rule(name=NAMES, text=TEXTS)
    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        self.on_disk[name] = text

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
        self.on_disk.pop(name, None)

    @rule(old=NAMES, new=NAMES)
    def rename(self, old: str, new: str) -> None:
        if old in self.on_disk and old != new:
            (self.folder / old).rename(self.folder / new)
            self.on_disk[new] = self.on_disk.pop(old)

    @rule()
    def sync(self) -> None:
        self.library.sync()
        self.stored = {name: text for name, text in self.on_disk.items() if name not in self.excluded}
        # A document that was excluded stays as it was; exclusion removed it, so it is absent.

    @rule(name=NAMES)
    def add(self, name: str) -> None:
        if name in self.on_disk:
            self.library.add([self.folder / name])
            self.excluded.discard(name)
            self.stored[name] = self.on_disk[name]

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        if name in self.stored:
            self.library.remove([self.folder / name])
            del self.stored[name]
            self.excluded.add(name)

    @rule()
    def reopen(self) -> None:
        self.library.close()
        self.library = Library.open("p", self.settings, load_encoder=load_bag)

    @rule()
    def lose_index(self) -> None:
        shutil.rmtree(self.library.indexes.folder, ignore_errors=True)
        self.reopen()

    @invariant()
    def the_texts_are_the_twins(self) -> None:
        found = {r.path: self.library.read_text(r.id) for r in self.library.documents()}
        assert found == {str(self.folder / name): text for name, text in self.stored.items()}

    @invariant()
    def search_finds_exactly_the_documents_that_say_it(self) -> None:
        for word in ("lamp", "灯塔"):
            hits = self.library.search(word, limit=50, mode="text").hits
            found = {hit.text for hit in hits}
            assert {any(word in text for text in self.stored.values())} == {bool(found)}
            assert all(word in text for text in found)
            assert all(any(text in stored for stored in self.stored.values()) for text in found)


LibraryMachine.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLibrary = LibraryMachine.TestCase
