"""Where weights start.

Shapes: H hidden, E embedding.
"""

import torch
from torch import nn

GAUSSIAN = 0.01


@torch.no_grad()
def initialize(model: nn.Module, kind: str, bound: float) -> None:
    """Draws every weight of a model anew; layer normalization starts as it is, at one and zero.

    Args:
        model: all of it.
        kind: "uniform": each weight in [-bound, bound] (Sutskever et al. 2014, section 3.4). "orthogonal": recurrent
            matrices orthogonal, biases zero, the others from a Gaussian of deviation 0.01 (Cho et al. 2014, section
            4.1.1; Bahdanau et al. 2015, appendix B.1, who have 0.001 and zero within the alignment model, whose names
            start with `score_`). "xavier": matrices uniform as Glorot and Bengio 2010 say, biases zero, embeddings from
            a Gaussian of variance 1 / E (Vaswani et al. 2017, as published code has it).
        bound: of "uniform".
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
