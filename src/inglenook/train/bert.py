"""A BERT encoder as a PyTorch module (Devlin et al. 2019), with parameter names as in Hugging Face files.

Only what the reader's training needs: post-norm layers, learned positions, exact GELU, padding mask. Heads live elsewhere.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False
# (PyTorch is an extra: the checker may not see it)

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class BertShape:
    """The sizes of a BERT encoder."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float = 1e-12
    dropout: float = 0.1


class _Embeddings(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.position_embeddings = nn.Embedding(shape.max_position_embeddings, shape.hidden_size)
        self.token_type_embeddings = nn.Embedding(shape.type_vocab_size, shape.hidden_size)
        self.LayerNorm = nn.LayerNorm(shape.hidden_size, eps=shape.layer_norm_eps)
        self._dropout = nn.Dropout(shape.dropout)

    def forward(self, ids: Tensor, types: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: ids.shape[1]]
        summed = self.word_embeddings(ids) + positions + self.token_type_embeddings(types)
        return self._dropout(self.LayerNorm(summed))


class _Layer(nn.Module):
    """One encoder layer; the nested ModuleDicts only serve to give the usual parameter names."""

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        hidden, wide = shape.hidden_size, shape.intermediate_size

        def norm() -> nn.LayerNorm:
            return nn.LayerNorm(hidden, eps=shape.layer_norm_eps)

        projections = nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in ("query", "key", "value")})
        after_attention = nn.ModuleDict({"dense": nn.Linear(hidden, hidden), "LayerNorm": norm()})
        self.attention = nn.ModuleDict({"self": projections, "output": after_attention})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(hidden, wide)})
        self.output = nn.ModuleDict({"dense": nn.Linear(wide, hidden), "LayerNorm": norm()})
        self._num_heads = shape.num_attention_heads
        self._dropout = nn.Dropout(shape.dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        batch, time, hidden = states.shape
        q, k, v = (
            projection(states).view(batch, time, self._num_heads, -1).transpose(1, 2)
            for projection in self.attention["self"].values()
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        mixed = mixed.transpose(1, 2).reshape(batch, time, hidden)
        block = self.attention["output"]
        states = block["LayerNorm"](states + self._dropout(block["dense"](mixed)))
        wide = functional.gelu(self.intermediate["dense"](states))
        return self.output["LayerNorm"](states + self._dropout(self.output["dense"](wide)))


class Bert(nn.Module):
    """(B, T) token ids, types and validity -> (B, T, H) states."""

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.embeddings = _Embeddings(shape)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(shape) for _ in range(shape.num_hidden_layers))})

    def forward(self, ids: Tensor, types: Tensor, valid: Tensor) -> Tensor:
        """Return the last layer's states."""
        states = self.embeddings(ids, types)
        mask = valid[:, None, None, :]
        for layer in self.encoder["layer"]:
            states = layer(states, mask)
        return states


def init_weights(module: nn.Module) -> None:
    """Initialise as BERT does: normal with deviation 0.02, zero biases; in place."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
