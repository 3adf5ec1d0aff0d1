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
        read = torch.cat([*one_hot, squashed(rows[:, count:])], dim=1)
        logits: Tensor = self.linear(read).squeeze(1)
        return logits


class Network(nn.Module):
    """The baseline's linear layer, and beside it the mean of several small deep ones.

    Every deep one reads an embedding of each category, shared by all of them, and the squashed
    numbers. Their mean varies less from seed to seed than one of them alone; wide and deep
    together: Cheng et al., *Wide & deep learning for recommender systems* (2016).
    """

    def __init__(
        self, encoder: TabularEncoder, hidden: tuple[int, ...], members: int, dropout: float
    ) -> None:
        super().__init__()
        self.sizes = encoder.category_sizes
        self.wide = Baseline(encoder)
        self.embeddings = nn.ModuleList(_embedding(size) for size in self.sizes)
        embedded = sum(min(EMBEDDED_IN, size // 2 + 1) for size in self.sizes)
        width = embedded + encoder.width - len(self.sizes)
        self.deep = nn.ModuleList(_layers(width, hidden, dropout) for _ in range(members))

    def forward(self, rows: Tensor) -> Tensor:
        """Encoded rows [n, width] → logits [n]."""
        codes = rows[:, : len(self.sizes)].long()
        embedded = [layer(codes[:, place]) for place, layer in enumerate(self.embeddings)]
        read = torch.cat([*embedded, squashed(rows[:, len(self.sizes) :])], dim=1)
        deep = torch.cat([layers(read) for layers in self.deep], dim=1).mean(dim=1)
        logits: Tensor = self.wide(rows) + deep
        return logits


class Dropout(nn.Module):
    """Dropout whose mask costs a byte of randomness a number: it was half of the training time.

    Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting* (2014);
    the share is rounded to 1/256.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = round(share * 256)

    def forward(self, numbers: Tensor) -> Tensor:
        """Numbers of any shape, some of them zero and the rest enlarged while training."""
        if not self.training or not self.dropped:
            return numbers
        words = torch.empty((numbers.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        drawn = words.view(torch.uint8)[: numbers.numel()].view(numbers.shape)
        return numbers * (drawn >= self.dropped) * (256 / (256 - self.dropped))


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


def _embedding(size: int) -> nn.Embedding:
    embedding = nn.Embedding(size, min(EMBEDDED_IN, size // 2 + 1))
    nn.init.normal_(embedding.weight, std=0.1)
    return embedding


def _layers(width: int, hidden: tuple[int, ...], dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for units in hidden:
        layers += [nn.Linear(width, units), nn.ReLU(), Dropout(dropout)]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 1))
