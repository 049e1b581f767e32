"""Trained scoring of feature rows: a small network in numpy, and the calibrated decision to answer or abstain.

The weights are plain arrays in one `.npz` file; `train/scorer.py` makes them. Knows rows of numbers, not text.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO

import numpy as np

from inglenook.core.errors import ModelError


@dataclass(frozen=True, slots=True)
class Network:
    """A standardised input, one hidden layer (GELU by its tanh form) and one output.

    Attributes:
        mean, scale: (F,). hidden: (F, H), hidden_bias: (H,). direct: (F,), straight to the output. out: (H,). bias: ().
    """

    mean: np.ndarray
    scale: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    direct: np.ndarray
    out: np.ndarray
    bias: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return one logit (N,) float32 for each of `rows` (N, F)."""
        if rows.shape[1] != len(self.mean):
            raise ModelError(
                f"scorer weights take {len(self.mean)} features, the program makes {rows.shape[1]}; reinstall"
            )
        x = np.clip((rows - self.mean) * self.scale, -5, 5)
        wide = x @ self.hidden + self.hidden_bias
        wide *= 0.5 * (1 + np.tanh(0.7978845608 * (wide + 0.044715 * wide**3)))
        logits: np.ndarray = x @ self.direct + wide @ self.out + self.bias
        return logits.astype(np.float32)


@cache
def load_networks(name: str = "scorer.npz") -> dict[str, Network]:
    """Return the networks of a shipped weights file by name.

    Raises:
        ModelError: the file is absent or damaged.
    """
    path = files("inglenook.answer").joinpath("weights", name)
    try:
        with np.load(BytesIO(path.read_bytes())) as arrays:
            names = sorted({key.partition(".")[0] for key in arrays.files})
            return {n: Network(**{k: arrays[f"{n}.{k}"] for k in Network.__slots__}) for n in names}
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"the shipped scorer weights {path} cannot be read: {error}; reinstall the package") from error


def probability(logits: np.ndarray) -> np.ndarray:
    """Return the logistic of `logits`, float32."""
    shown: np.ndarray = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -40, 40)))
    return shown.astype(np.float32)
