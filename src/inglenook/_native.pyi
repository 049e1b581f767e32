"""
The native core: safetensors by mapping, kernels by instruction set, the transformer encoder.
"""

from collections.abc import Mapping
from typing import Annotated

import numpy
from numpy.typing import NDArray


class SafeTensors:
    """A safetensors file, mapped and checked."""

    def __init__(self, path: str) -> None: ...

    @property
    def path(self) -> str: ...

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """The header's __metadata__, in the file's order."""

    @property
    def tensors(self) -> list[tuple[str, str, list[int]]]:
        """Each tensor's (name, dtype, shape), by name."""

class Architecture:
    """The sizes that the encoder's arithmetic needs."""

    def __init__(self, *, hidden_size: int, num_layers: int, num_heads: int, intermediate_size: int, vocab_size: int, max_positions: int, num_token_types: int, position_offset: int, norm_epsilon: float) -> None: ...

class Encoder:
    """A BERT-family encoder with packed weights and its own threads."""

    def __init__(self, architecture: Architecture, tensors: Mapping[str, tuple[SafeTensors, str]], precision: str, level: str, threads: int) -> None:
        """Pack the weights: canonical tensor name -> (file, name in it)."""

    def token_states(self, ids: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], type_ids: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], offsets: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
        """
        Return the last layer's states (T, hidden) of ragged sequences; empty type_ids stand for zeros.
        """

    def sentence_vectors(self, ids: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], type_ids: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], offsets: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], pooling: str, normalise: bool) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
        """Return one pooled vector (B, hidden) per sequence."""

    @property
    def level(self) -> str: ...

    @property
    def num_threads(self) -> int: ...

def levels() -> list[str]:
    """Return the instruction-set levels this machine can run, slowest first."""

def is_native(level: str, precision: str) -> bool:
    """Return whether the level has instructions made for the precision."""

def kernel_linear(level: str, precision: str, x: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], bias: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], gelu: bool) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
    """Return x W^T + b, for tests."""

def kernel_gelu(level: str, x: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
    """Return gelu(x), for tests."""

def kernel_layer_norm(level: str, a: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], b: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], bias: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], epsilon: float) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
    """Return layer_norm(a + b), for tests; an empty b is none."""

def kernel_attention(level: str, q: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], k: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], v: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], scale: float, reduced: bool) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C')]:
    """Return one head's attention, for tests."""
