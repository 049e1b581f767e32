"""The BERT family (Devlin et al. 2018): BERT itself and what keeps its layout, such as MiniLM, BGE, GTE and E5."""

from collections.abc import Mapping
from typing import Any

from inglenook.core.errors import ModelError
from inglenook.models.spec import TensorNames, TransformerSpec

_EMBEDDINGS = {
    "embeddings.word": "embeddings.word_embeddings.weight",
    "embeddings.position": "embeddings.position_embeddings.weight",
    "embeddings.type": "embeddings.token_type_embeddings.weight",
    "embeddings.norm.weight": "embeddings.LayerNorm.weight",
    "embeddings.norm.bias": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention_output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "output_norm": "output.LayerNorm",
}


def read(config: Mapping[str, Any], where: object) -> tuple[TransformerSpec, TensorNames]:
    """Return the specification and tensor names for a BERT `config.json`.

    Raises:
        ModelError: a size is missing, or an option is not the one that runs here.
    """
    _require(config, where, "hidden_act", "gelu")
    _require(config, where, "position_embedding_type", "absolute")
    _require(config, where, "is_decoder", False)  # noqa: FBT003 - the configuration's value
    try:
        spec = TransformerSpec(
            hidden_size=config["hidden_size"],
            num_layers=config["num_hidden_layers"],
            num_heads=config["num_attention_heads"],
            intermediate_size=config["intermediate_size"],
            vocab_size=config["vocab_size"],
            max_positions=config["max_position_embeddings"],
            num_token_types=config.get("type_vocab_size", 2),
            norm_epsilon=float(config.get("layer_norm_eps", 1e-12)),
        )
    except KeyError as error:
        raise ModelError(f"{where}: {error.args[0]!r} is missing; a BERT configuration needs it") from error
    return spec, tensor_names(spec.num_layers)


def tensor_names(num_layers: int) -> TensorNames:
    """Return BERT's tensor names, without prefix, by canonical name."""
    names = dict(_EMBEDDINGS)
    for layer in range(num_layers):
        for ours, theirs in _LAYER.items():
            for kind in ("weight", "bias"):
                names[f"layers.{layer}.{ours}.{kind}"] = f"encoder.layer.{layer}.{theirs}.{kind}"
    return names


def _require(config: Mapping[str, Any], where: object, name: str, wanted: object) -> None:
    value = config.get(name, wanted)
    if value != wanted:
        raise ModelError(f"{where}: {name} is {value!r}; of the BERT family only {wanted!r} runs here")
