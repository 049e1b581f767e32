"""`TransformerSpec`: everything that distinguishes one transformer from another.

Plain data; knows no file format and no arithmetic. Fields are added when a model that runs here needs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from inglenook.core.errors import ModelError


@dataclass(frozen=True, slots=True)
class TransformerSpec:
    """The sizes and choices of one transformer. The choices are BERT's (Devlin et al. 2018): see each field."""

    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int
    vocab_size: int
    max_positions: int
    """Rows of the learned position table; a sequence has at most `max_positions - position_offset` tokens."""
    num_token_types: int = 0
    """Rows of the token-type table; 0 when the model has none."""
    position_offset: int = 0
    norm_epsilon: float = 1e-12
    activation: str = "gelu"
    """Of the feed-forward: `gelu` with erf."""
    norm_place: str = "post"
    """Where layer norm stands: `post`, after each residual sum."""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_layers", "num_heads", "intermediate_size", "vocab_size", "max_positions"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 0 < value <= _LARGEST:
                raise ModelError(f"{name} is {value!r}; it must be a whole number from 1 to {_LARGEST}")
        if self.hidden_size % self.num_heads:
            raise ModelError(f"hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}")
        if self.activation != "gelu" or self.norm_place != "post":
            raise ModelError(
                f"activation {self.activation!r} with norm {self.norm_place!r} cannot run here; known: gelu, post"
            )

    @property
    def max_tokens(self) -> int:
        """The longest sequence, special tokens included."""
        return self.max_positions - self.position_offset


_LARGEST = 1 << 24

TensorNames = Mapping[str, str]
"""Canonical tensor name -> name in the file, without prefix.

Canonical: `embeddings.{word,position,type}`, `embeddings.norm.{weight,bias}`, and for each layer i
`layers.i.{query,key,value,attention_output,attention_norm,up,down,output_norm}.{weight,bias}`; weights are (outputs, inputs).
"""
