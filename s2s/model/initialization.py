"""Random initial weights of a model.

Shapes: H hidden, E embedding.
"""

import torch
from torch import nn

GAUSSIAN = 0.01  # standard deviation


@torch.no_grad()
def initialize(model: nn.Module, kind: str, bound: float) -> None:
    """Draw every weight of a model, except those of layer normalization, which keeps its ones and zeros.

    Args:
        model: the whole model.
        kind: "uniform": each weight in [-bound, bound] (Sutskever et al. 2014, section 3.4). "orthogonal": recurrent
            matrices orthogonal, biases zero, other matrices from a Gaussian of deviation 0.01 (Cho et al. 2014, section
            4.1.1); of attention, the matrices named `score_` from one of deviation 0.001, the vector zero (Bahdanau et
            al. 2015, appendix B.1). "xavier": matrices uniform (Glorot and Bengio 2010), biases zero, embeddings from a
            Gaussian of variance 1 / E (Vaswani et al. 2017, in published code).
        bound: largest weight of "uniform".
    """
    for name, parameter in model.named_parameters():
        owner = model.get_submodule(name.rpartition(".")[0])
        if isinstance(owner, nn.LayerNorm):
            continue
        last = name.rpartition(".")[2]
        if kind == "uniform":
            nn.init.uniform_(parameter, -bound, bound)
        elif parameter.dim() == 1 or last == "peepholes":
            nn.init.zeros_(parameter)
        elif kind == "xavier":
            if isinstance(owner, nn.Embedding):
                nn.init.normal_(parameter, 0.0, parameter.shape[1] ** -0.5)
            else:
                nn.init.xavier_uniform_(parameter)
        elif last.startswith("weight_hh"):
            for block in torch.split(parameter, parameter.shape[1]):
                nn.init.orthogonal_(block)
        else:
            nn.init.normal_(parameter, 0.0, 0.001 if "score_" in name else GAUSSIAN)
