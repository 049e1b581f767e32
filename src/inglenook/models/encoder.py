"""`TransformerEncoder`: token states and pooled vectors of a ragged batch, computed by the native core.

Knows token ids, not text. The weights come from one or more safetensors files: F32, F16 or BF16, or I8 with a second
tensor `NAME.scale` (F32, one factor per row: weight = stored x scale), so that a shipped model can be small.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inglenook import _native
from inglenook.core.errors import ModelError, UsageError
from inglenook.models.families import read_family
from inglenook.models.spec import TensorNames, TransformerSpec
from inglenook.models.tokenizer import read_json

Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

PREFIXES = ("", "bert.", "model.", "0.auto_model.", "encoder.", "backbone.")
"""What files put before a family's tensor names; the first that fits a tensor is taken."""


class TransformerEncoder:
    """A loaded encoder. Threads may share it: one batch is computed at a time."""

    def __init__(self, native: _native.Encoder, spec: TransformerSpec, precision: str) -> None:
        self._native = native
        self.spec = spec
        self.precision = precision
        """The arithmetic in force: int8, bf16 or fp32."""

    @classmethod
    def load(
        cls,
        source: Path | Sequence[Path],
        precision: str = "auto",
        threads: int = 0,
        *,
        spec: TransformerSpec | None = None,
        names: TensorNames | None = None,
        level: str = "auto",
    ) -> "TransformerEncoder":
        """Return the encoder in a model folder or in the given safetensors files.

        Args:
            source: a folder with `config.json` and `model.safetensors`, or the files themselves: a tensor is taken from
                the first file that holds it, so that a later file can lend, say, its embeddings.
            precision: `int8`, `bf16`, `fp32`, or `auto`: int8 where the machine has instructions for it, else fp32.
            threads: 0 takes every core this process may use.
            spec: needed when `source` is files; in a folder, `config.json` says it.
            names: the tensor names that go with `spec`; those of BERT when None.
            level: instruction set, from `inglenook._native.levels()`; for tests and measurements.

        Raises:
            ModelError: a file is damaged or does not fit the specification.
            UsageError: an unknown precision or level.
        """
        if isinstance(source, Path):
            config_path = source / "config.json"
            spec, names = read_family(read_json(config_path), config_path)
            files = [_native.SafeTensors(str(path)) for path in weight_paths(source)]
        else:
            if spec is None:
                raise UsageError("loading an encoder from files needs their spec; give it, or load a folder")
            names = names or bert_names(spec)
            files = [_native.SafeTensors(str(path)) for path in source]
        chosen = choose_precision(precision, level)
        native = _native.Encoder(_architecture(spec), _locate(names, files, spec), chosen, level, threads)
        return cls(native, spec, chosen)

    @property
    def level(self) -> str:
        """The instruction-set level in force."""
        return self._native.level

    @property
    def num_threads(self) -> int:
        """How many threads compute."""
        return self._native.num_threads

    def token_states(self, batch: Sequence[tuple[Ids, Ids | None]]) -> tuple[Floats, Offsets]:
        """Return the last layer's states of each sequence, end to end.

        Args:
            batch: for each sequence its token ids (T_i) and token types (T_i); None stands for all 0.

        Returns:
            States (sum of T_i, hidden) and offsets (B + 1): sequence i is `states[offsets[i]:offsets[i + 1]]`.

        Raises:
            UsageError: an id or type outside the model's, or a sequence longer than `spec.max_tokens`.
        """
        ids, offsets = _flatten([sequence for sequence, _ in batch])
        types = np.zeros(0, np.int32)
        if any(kinds is not None for _, kinds in batch):
            types, type_offsets = _flatten([np.zeros_like(i) if kinds is None else kinds for i, kinds in batch])
            if not np.array_equal(offsets, type_offsets):
                raise UsageError("token ids and token types of a sequence differ in length")
        return self._native.token_states(ids, types, offsets), offsets

    def sentence_vectors(self, ids: Ids, offsets: Offsets, pooling: str = "mean", *, normalise: bool = True) -> Floats:
        """Return one vector (B, hidden) per sequence: its states' mean, or its first state (`cls`).

        Args:
            ids: all sequences' token ids, end to end (T).
            offsets: where each starts, and the end (B + 1).
            pooling: `mean` or `cls`.
            normalise: scale each vector to length 1.
        """
        return self._native.sentence_vectors(ids, np.zeros(0, np.int32), offsets, pooling, normalise)


def choose_precision(precision: str, level: str = "auto") -> str:
    """Return the arithmetic that `precision` means on this machine: `auto` is int8 where that is fast, else fp32."""
    if precision != "auto":
        return precision
    name = _native.levels()[-1] if level == "auto" else level
    return "int8" if _native.is_native(name, "int8") else "fp32"


def weight_paths(folder: Path) -> list[Path]:
    """Return the folder's safetensors files: `model.safetensors`, or the shards its index names.

    Raises:
        ModelError: there is none, or the index names a file outside the folder.
    """
    single = folder / "model.safetensors"
    if single.exists():
        return [single]
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        raise ModelError(f"{folder}: holds no model.safetensors; other weight formats are not read")
    names = sorted(set(read_json(index).get("weight_map", {}).values()))
    for name in names:
        if not isinstance(name, str) or Path(name).name != name:
            raise ModelError(f"{index}: names {name!r}, which is no file of this folder")
    return [folder / name for name in names]


def bert_names(spec: TransformerSpec) -> TensorNames:
    """Return BERT's tensor names for a specification."""
    from inglenook.models.families.bert import tensor_names

    return tensor_names(spec.num_layers)


def _flatten(sequences: Sequence[Ids]) -> tuple[Ids, Offsets]:
    offsets = np.zeros(len(sequences) + 1, np.int64)
    np.cumsum([len(sequence) for sequence in sequences], out=offsets[1:])
    return np.concatenate(sequences).astype(np.int32, copy=False) if sequences else np.zeros(0, np.int32), offsets


def _architecture(spec: TransformerSpec) -> _native.Architecture:
    return _native.Architecture(
        hidden_size=spec.hidden_size,
        num_layers=spec.num_layers,
        num_heads=spec.num_heads,
        intermediate_size=spec.intermediate_size,
        vocab_size=spec.vocab_size,
        max_positions=spec.max_positions,
        num_token_types=spec.num_token_types,
        position_offset=spec.position_offset,
        norm_epsilon=spec.norm_epsilon,
    )


def _locate(
    names: TensorNames, files: Sequence[_native.SafeTensors], spec: TransformerSpec
) -> dict[str, tuple[_native.SafeTensors, str]]:
    held = [(file, {name for name, _, _ in file.tensors}) for file in files]
    found = {}
    for ours, theirs in names.items():
        if ours == "embeddings.type" and not spec.num_token_types:
            continue
        places = ((file, p + theirs) for file, present in held for p in PREFIXES if p + theirs in present)
        place = next(places, None)
        if place is None:
            raise ModelError(f"{', '.join(file.path for file in files)}: no tensor {theirs!r}, which the model needs")
        found[ours] = place
    return found
