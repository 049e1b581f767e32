"""`pull`: fetch a model from the Hugging Face hub, or a server that speaks its API, into the model store.

Fetches only what an encoder needs (configuration, tokenizer, safetensors), never code or pickles. `huggingface_hub` does
the protocol: tokens, redirects, resuming a cut download. What arrives is hashed and named by its hash; where the hub
states one (weights do), the two must agree.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inglenook.core.errors import ModelError, NotFoundError
from inglenook.models.store import (
    Manifest,
    StoredFile,
    blob_path,
    check_name,
    checked_hash,
    checked_path,
    publish,
    replace_durably,
)

WANTED = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
)
"""Taken when the repository has them, besides `*_Pooling/config.json` and the safetensors in the top folder."""

Progress = Callable[[str, int, int], None]
"""Called with (file, bytes of the whole model fetched, bytes of the whole model)."""


def pull(name: str, models_path: Path, on_progress: Progress | None = None, endpoint: str | None = None) -> Path:
    """Fetch a model and return its folder in the store. A download that was cut goes on where it stopped.

    Args:
        name: ORG/NAME on the hub.
        models_path: the store's folder.
        on_progress: told after every piece.
        endpoint: the server's address; huggingface.co (or `HF_ENDPOINT`) when None.

    Raises:
        UsageError: the name is not ORG/NAME.
        NotFoundError: the server has no such model, or it is private and no token was given.
        ModelError: the model has no safetensors, the connection failed, or bytes differ from their stated hash.
    """
    check_name(name)
    try:
        return _pull(name, models_path, on_progress, endpoint)
    except (ModelError, NotFoundError):
        raise
    except Exception as error:
        raise _explained(error, name) from error


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a model's files come from, and where they go."""

    name: str
    revision: str
    endpoint: str | None
    models_path: Path

    @property
    def partial(self) -> Path:
        """Where a cut download waits to be resumed."""
        return self.models_path / "partial" / self.name.replace("/", "--")


def _pull(name: str, models_path: Path, on_progress: Progress | None, endpoint: str | None) -> Path:
    from huggingface_hub import HfApi

    info = HfApi(endpoint=endpoint).model_info(name, files_metadata=True)
    source = _Source(name, str(info.sha), endpoint, models_path)
    wanted = {file.rfilename: file for file in info.siblings or () if _is_wanted(file.rfilename)}
    if not any(path.endswith(".safetensors") for path in wanted):
        raise ModelError(f"{name} has no safetensors weights; other formats are not fetched, because they can run code")
    total = sum(file.size or 0 for file in wanted.values())
    source.partial.mkdir(parents=True, exist_ok=True)
    files: dict[str, StoredFile] = {}
    done = 0
    for path, file in sorted(wanted.items()):
        report = _reporter(on_progress, path, done, total)
        stated = file.lfs.sha256 if file.lfs else None
        files[checked_path(path)] = _fetch(source, path, stated, report)
        done += files[path].bytes
    folder = publish(Manifest(name, source.revision, endpoint or "https://huggingface.co", files), models_path)
    shutil.rmtree(source.partial, ignore_errors=True)
    return folder


def _is_wanted(path: str) -> bool:
    parts = path.split("/")
    if len(parts) == 1:
        return path in WANTED or (
            path.startswith("model") and path.endswith((".safetensors", ".safetensors.index.json"))
        )
    return len(parts) == 2 and parts[0].endswith("_Pooling") and parts[1] == "config.json"


def _fetch(source: _Source, path: str, stated: str | None, report: Callable[[int], None]) -> StoredFile:
    """Put one file into the store, unless a blob with its stated hash is there."""
    from huggingface_hub import hf_hub_download

    if stated is not None and blob_path(checked_hash(stated), source.models_path).is_file():
        size = blob_path(stated, source.models_path).stat().st_size
        report(size)
        return StoredFile(stated, size)
    arrived = Path(
        hf_hub_download(
            source.name,
            path,
            revision=source.revision,
            local_dir=source.partial,
            endpoint=source.endpoint,
            tqdm_class=_progress_class(report),
        )
    )
    with arrived.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if stated is not None and found != stated:
        arrived.unlink()
        raise ModelError(f"{source.name}/{path}: the bytes hash to {found}, the hub states {stated}; pull again")
    size = arrived.stat().st_size
    blob = blob_path(found, source.models_path)
    blob.parent.mkdir(parents=True, exist_ok=True)
    replace_durably(arrived, blob)
    report(size)
    return StoredFile(found, size)


def _reporter(on_progress: Progress | None, path: str, before: int, total: int) -> Callable[[int], None]:
    def report(fetched: int) -> None:
        if on_progress is not None:
            on_progress(path, before + fetched, max(total, before + fetched))

    return report


def _progress_class(report: Callable[[int], None]) -> type[Any]:
    """Return a progress bar in the form huggingface_hub takes, which draws nothing and reports."""
    from tqdm.std import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options["disable"] = True
            options.pop("name", None)  # the hub's own bars take it
            super().__init__(*args, **options)
            self.fetched = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.fetched += int(n or 0)
            report(self.fetched)
            return None

    return Bar


def _explained(error: Exception, name: str) -> ModelError | NotFoundError:
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    if isinstance(error, GatedRepoError):
        return NotFoundError(f"{name} is gated: accept its terms on the hub and set HF_TOKEN, then pull again")
    if (
        isinstance(error, HfHubHTTPError)
        and error.response is not None
        and error.response.status_code in (401, 403, 404)
    ):
        return NotFoundError(f"the hub has no model {name}, or it is private; check the name, or set HF_TOKEN")
    return ModelError(
        f"{name} could not be fetched: {type(error).__name__}: {error}; check the connection and pull again"
    )
