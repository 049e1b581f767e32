"""`SentenceEncoder`: texts to unit vectors, in the way the model's sentence-transformers files prescribe.

Tokenises, sorts by length, computes in batches of bounded size and puts the vectors back in order, so memory does not
grow with the number of texts beyond the result. Knows nothing of documents.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from inglenook.core.errors import ModelError
from inglenook.models.encoder import TransformerEncoder, weight_paths
from inglenook.models.store import find_model
from inglenook.models.tokenizer import load_tokenizer, read_json

BATCH_TOKENS = 2048
"""Tokens computed at once: enough to keep every thread busy, few enough to stay in the third-level cache."""
WINDOW_TEXTS = 2048
"""Texts tokenised and sorted at once: bounds memory whatever their number."""


@dataclass(frozen=True, slots=True)
class Pooling:
    """How a sentence's vector is made of its token states."""

    mode: str = "mean"
    normalise: bool = True
    max_tokens: int = 512


class SentenceEncoder:
    """A loaded sentence encoder. Threads may share it."""

    def __init__(
        self, encoder: TransformerEncoder, tokenizer: Tokenizer, pooling: Pooling, name: str, weights_hash: str
    ) -> None:
        self._encoder = encoder
        self._tokenizer = tokenizer
        self._pooling = pooling
        self.name = name
        self._weights_hash = weights_hash
        self._unknown = _unknown_id(tokenizer)
        tokenizer.enable_truncation(pooling.max_tokens)

    @classmethod
    def load(cls, name: str, models_path: Path, precision: str = "auto", threads: int = 0) -> "SentenceEncoder":
        """Return the encoder called `name`: a model name, or a folder in the Hugging Face layout.

        Raises:
            EncoderMissingError: it is not installed; the message says how to get it.
            ModelError: its files are damaged or of a kind that does not run here.
        """
        folder = find_model(name, models_path)
        encoder = TransformerEncoder.load(folder, precision, threads)
        pooling = read_pooling(folder, encoder.spec.max_tokens)
        return cls(encoder, load_tokenizer(folder), pooling, name, _weights_hash(folder))

    @property
    def dimensions(self) -> int:
        """D, the length of each vector."""
        return self._encoder.spec.hidden_size

    @property
    def max_tokens(self) -> int:
        """Tokens beyond this many, special ones included, are cut off."""
        return self._pooling.max_tokens

    @property
    def precision(self) -> str:
        """The arithmetic in force: int8, bf16 or fp32."""
        return self._encoder.precision

    @property
    def identity(self) -> str:
        """What made a vector, for its provenance: name, hash of the weights, precision, pooling."""
        return f"{self.name}@{self._weights_hash}/{self.precision}/{self._pooling.mode}/{self.max_tokens}"

    def encode(
        self, texts: Sequence[str], on_progress: Callable[[int, int], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Return one vector (N, D) per text, of length 1.

        Args:
            texts: N texts; what passes `max_tokens` is cut off.
            on_progress: called with (texts done, N) after each batch.
        """
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        done = 0
        for first in range(0, len(texts), WINDOW_TEXTS):
            window = list(texts[first : first + WINDOW_TEXTS])
            for places, ids, offsets in _batches([encoding.ids for encoding in self._tokenize(window)]):
                vectors[first + places] = self._encoder.sentence_vectors(
                    ids, offsets, self._pooling.mode, normalise=self._pooling.normalise
                )
                done += len(places)
                if on_progress is not None:
                    on_progress(done, len(texts))
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's number of tokens, special ones left out, without any limit."""
        return [
            len(encoding.ids) for encoding in self._counter.encode_batch_fast(list(texts), add_special_tokens=False)
        ]

    def known_share(self, text: str) -> float:
        """Return the share of the text's characters (spaces left out) in words the encoder has a token for, 0 to 1."""
        encoding = self._counter.encode(text, add_special_tokens=False)
        sizes = np.array([end - start for start, end in encoding.offsets], np.int64)
        total = int(sizes.sum())
        unknown = (
            int(sizes[np.array(encoding.ids, np.int64) == self._unknown].sum()) if self._unknown is not None else 0
        )
        return (total - unknown) / total if total else 1.0

    def _tokenize(self, texts: list[str]) -> list[Encoding]:
        if len(texts) == 1:
            return [self._tokenizer.encode(texts[0])]
        return self._tokenizer.encode_batch_fast(texts)

    @property
    def _counter(self) -> Tokenizer:
        """The tokenizer without truncation."""
        if self._untruncated is None:
            self._untruncated = Tokenizer.from_str(self._tokenizer.to_str())
            self._untruncated.no_truncation()
        return self._untruncated

    _untruncated: Tokenizer | None = None


def read_pooling(folder: Path, model_limit: int) -> Pooling:
    """Return the pooling that the folder's sentence-transformers files prescribe; mean over 512 tokens without them.

    Raises:
        ModelError: the files ask for a module or a pooling that does not run here.
    """
    sentence = read_json(folder / "sentence_bert_config.json", missing={})
    limit = min(int(sentence.get("max_seq_length") or model_limit), model_limit)
    modules = read_json(folder / "modules.json", missing=[])
    if not modules:
        return Pooling(max_tokens=limit)
    kinds = {str(module.get("type", "")).rsplit(".", 1)[-1]: str(module.get("path", "")) for module in modules}
    for kind in kinds:
        if kind not in ("Transformer", "Pooling", "Normalize"):
            raise ModelError(
                f"{folder / 'modules.json'}: module {kind} does not run here; Transformer, Pooling and Normalize do"
            )
    pooling = read_json(folder / kinds.get("Pooling", "1_Pooling") / "config.json", missing={})
    return Pooling(_pooling_mode(pooling, folder), "Normalize" in kinds, limit)


def _pooling_mode(config: dict[str, Any], folder: Path) -> str:
    modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
    mode = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}.get(
        modes[0] if modes else "pooling_mode_mean_tokens"
    )
    if len(modes) > 1 or mode is None:
        raise ModelError(f"{folder}: pooling {', '.join(modes)} does not run here; mean and cls do, one at a time")
    return mode


def _batches(
    sequences: list[list[int]],
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]]:
    """Yield (places, ids, offsets) of batches of at most BATCH_TOKENS tokens (or one sequence), longest first."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        ends = np.cumsum(lengths[order[start:]])
        count = max(1, int(np.searchsorted(ends, BATCH_TOKENS, side="right")))
        places = order[start : start + count]
        offsets = np.zeros(count + 1, np.int64)
        offsets[1:] = ends[:count]
        ids = np.fromiter((token for place in places for token in sequences[place]), np.int32, int(offsets[-1]))
        yield places, ids, offsets
        start += count


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    unknown = getattr(tokenizer.model, "unk_token", None)
    return tokenizer.token_to_id(unknown) if isinstance(unknown, str) else None


def _weights_hash(folder: Path) -> str:
    """Return a short hash that changes when the weights do: of each file's size, head and evenly spaced samples.

    Hashing all bytes would take longer than loading the model; a fine-tuned model differs in nearly every byte.
    """
    digest = hashlib.blake2b(digest_size=8)
    for path in weight_paths(folder):
        size = path.stat().st_size
        digest.update(size.to_bytes(8, "little"))
        with path.open("rb") as file:
            for part in range(64):
                file.seek(part * size // 64)
                digest.update(file.read(4096))
    return digest.hexdigest()
