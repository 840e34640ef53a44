"""The names of parts in the checkpoints of each architecture."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """The names of parts under a model_type. `layer` names the fields of Layer, in their order.

    The first `reserved` rows of the position table belong to no token: positions start after the
    padding's id (fairseq's habit; transformers' create_position_ids_from_input_ids).
    """

    prefix: str
    layers: str
    layer: tuple[str, str, str, str, str, str, str, str]
    reserved: int = 0


_BERT_LAYER = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)
_DISTILBERT_LAYER = (
    "attention.q_lin",
    "attention.k_lin",
    "attention.v_lin",
    "attention.out_lin",
    "sa_layer_norm",
    "ffn.lin1",
    "ffn.lin2",
    "output_layer_norm",
)
_MPNET_LAYER = (
    "attention.attn.q",
    "attention.attn.k",
    "attention.attn.v",
    "attention.attn.o",
    "attention.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)
ARCHITECTURES = {
    "bert": Architecture("bert.", "encoder.layer", _BERT_LAYER),
    "distilbert": Architecture("distilbert.", "transformer.layer", _DISTILBERT_LAYER),
    "mpnet": Architecture("mpnet.", "encoder.layer", _MPNET_LAYER, reserved=2),
    "xlm-roberta": Architecture("roberta.", "encoder.layer", _BERT_LAYER, reserved=2),
}
