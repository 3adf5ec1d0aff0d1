"""The two networks of flight_delay: a linear baseline, and one with embeddings.

Both read the encoder's rows, float32 [n, width] with the codes of the categories first, and give a
logit [n]; ``Calibrated`` turns that into the probability [n] which is registered and served.
"""

import torch
from torch import Tensor, nn

from ai_ops.inference_management.encoding import TabularEncoder

EMBEDDED_IN = 8
"""At most as many dimensions as this stand for a category."""


class Baseline(nn.Module):
    """Logistic regression: one linear layer over one-hot categories and squashed numbers."""

    def __init__(self, encoder: TabularEncoder) -> None:
        super().__init__()
        self.sizes = encoder.category_sizes
        numbers = encoder.width - len(self.sizes)
        self.linear = nn.Linear(sum(self.sizes) + numbers, 1)
        nn.init.zeros_(self.linear.weight)

    def forward(self, rows: Tensor) -> Tensor:
        """Encoded rows [n, width] → logits [n]."""
        count = len(self.sizes)
        one_hot = [
            (rows[:, place, None] == torch.arange(size)).float()
            for place, size in enumerate(self.sizes)
        ]
        return self.linear(torch.cat([*one_hot, squashed(rows[:, count:])], dim=1)).squeeze(1)


class Network(nn.Module):
    """Two hidden layers over an embedding of each category and the squashed numbers."""

    def __init__(self, encoder: TabularEncoder, hidden: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(
            nn.Embedding(size, min(EMBEDDED_IN, size // 2 + 1)) for size in encoder.category_sizes
        )
        for embedding in self.embeddings:
            nn.init.normal_(embedding.weight, std=0.1)
        numbers = encoder.width - len(encoder.category_sizes)
        width = sum(embedding.embedding_dim for embedding in self.embeddings) + numbers
        layers: list[nn.Module] = []
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, rows: Tensor) -> Tensor:
        """Encoded rows [n, width] → logits [n]."""
        codes = rows[:, : len(self.embeddings)].long()
        embedded = [layer(codes[:, place]) for place, layer in enumerate(self.embeddings)]
        numbers = squashed(rows[:, len(self.embeddings) :])
        return self.layers(torch.cat([*embedded, numbers], dim=1)).squeeze(1)


class Calibrated(nn.Module):
    """A network whose logit is mended by an affine map and then becomes a probability.

    ``sigmoid(slope * logit + shift)``: Platt, *Probabilistic outputs for support vector machines*
    (1999), fitted to scores of rows that the network was not trained on.
    """

    def __init__(self, network: nn.Module, slope: float, shift: float) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("slope", torch.tensor(slope, dtype=torch.float32))
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float32))

    def forward(self, rows: Tensor) -> Tensor:
        """Encoded rows [n, width] → probabilities [n]."""
        return torch.sigmoid(self.slope * self.network(rows) + self.shift)


def squashed(numbers: Tensor) -> Tensor:
    """The signed logarithm: near zero as it is, and a storm's delay does not drown the rest.

    >>> squashed(torch.tensor([-1.0, 0.0, 20.0])).round(decimals=2).tolist()
    [-0.6899999976158142, 0.0, 3.0399999618530273]
    """
    return torch.sign(numbers) * torch.log1p(numbers.abs())
