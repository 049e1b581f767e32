"""One file per model family: a Hugging Face `config.json` becomes a specification and a map of tensor names."""

from collections.abc import Callable, Mapping
from typing import Any

from inglenook.core.errors import ModelError
from inglenook.models.families import bert
from inglenook.models.spec import TensorNames, TransformerSpec

Reader = Callable[[Mapping[str, Any], object], tuple[TransformerSpec, TensorNames]]
FAMILIES: Mapping[str, Reader] = {"bert": bert.read}


def read_family(config: Mapping[str, Any], where: object) -> tuple[TransformerSpec, TensorNames]:
    """Return the specification and tensor names for a `config.json`.

    Args:
        config: the parsed file.
        where: named in errors.

    Raises:
        ModelError: the family is unknown, or the file asks for something that its family here does not do.
    """
    family = str(config.get("model_type"))
    if family not in FAMILIES:
        raise ModelError(f"{where}: model family {family!r} is not known; known: {', '.join(sorted(FAMILIES))}")
    return FAMILIES[family](config, where)
