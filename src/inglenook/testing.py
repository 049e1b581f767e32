"""Stand-ins that come through the public door: an encoder that needs no model and is exact about what it saw."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inglenook.core.errors import EncoderMissingError
from inglenook.core.settings import Settings
from inglenook.library.chunk import estimate_tokens


class BagEncoder:
    """Words hashed into a small vector: texts that share words are near. Counts what it encodes."""

    def __init__(self, name: str = "bag", dimensions: int = 32) -> None:
        self.name = name
        self.dimensions = dimensions
        self.identity = f"{name}@1"
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return unit vectors (N, dimensions)."""
        self.encoded += texts
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[0] = 0.1
            for word in (
                re.findall(r"\w", text.casefold()) if not text.isascii() else re.findall(r"\w+", text.casefold())
            ):
                row[zlib.crc32(f"{self.name} {word}".encode()) % self.dimensions] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the estimate that is used without an encoder."""
        return estimate_tokens(texts)


def no_encoder(name: str, _settings: Settings) -> BagEncoder:
    """Stand for a machine on which no encoder is installed."""
    raise EncoderMissingError(f"the encoder {name} is not installed; run `inglenook pull {name}`")


def load_bag(name: str, _settings: Settings) -> BagEncoder:
    """Load an encoder of any name."""
    return BagEncoder(name, dimensions=256)
