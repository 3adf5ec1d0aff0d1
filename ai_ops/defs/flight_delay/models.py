"""The two networks of flight_delay: a linear baseline, and one with embeddings.

Both read the encoder's rows, float32 [n, width] with the codes of the categories first, and give a
logit [n]; ``Calibrated`` turns that into the probability [n] which is registered and served.
"""

import torch
from torch import Tensor, nn

from ai_ops.inference_management.encoding import TabularEncoder

EMBEDDED_IN = 8
"""As many dimensions stand for a category."""


class Baseline(nn.Module):
    """Logistic regression: one linear layer over one-hot categories and squashed numbers."""

    owner: Tensor
    code: Tensor

    def __init__(self, encoder: TabularEncoder) -> None:
        super().__init__()
        self.sizes = encoder.category_sizes
        # One comparison makes all of them one-hot: position p is `column owner[p] has code[p]`.
        pairs = [(place, code) for place, size in enumerate(self.sizes) for code in range(size)]
        self.register_buffer("owner", torch.tensor([place for place, _ in pairs]))
        self.register_buffer("code", torch.tensor([float(code) for _, code in pairs]))
        self.linear = nn.Linear(len(pairs) + encoder.width - len(self.sizes), 1)
        nn.init.zeros_(self.linear.weight)

    def forward(self, rows: Tensor) -> Tensor:
        """Encoded rows [n, width] → logits [n]."""
        return self.read(rows, squashed(rows[:, len(self.sizes) :]))

    def read(self, rows: Tensor, numbers: Tensor) -> Tensor:
        """The same from numbers that are squashed already."""
        one_hot = (rows[:, self.owner] == self.code).to(numbers.dtype)
        logits: Tensor = self.linear(torch.cat([one_hot, numbers], dim=1)).squeeze(1)
        return logits


class Network(nn.Module):
    """The baseline's linear layer, and beside it the mean of several small deep ones.

    Every deep one reads an embedding of each category, shared by all of them, and the squashed
    numbers. Their mean varies less from seed to seed than one of them alone; wide and deep
    together: Cheng et al., *Wide & deep learning for recommender systems* (2016).
    """

    offset: Tensor

    def __init__(
        self, encoder: TabularEncoder, hidden: tuple[int, ...], members: int, dropout: float
    ) -> None:
        super().__init__()
        self.sizes = encoder.category_sizes
        self.wide = Baseline(encoder)
        # One table holds the embeddings of all categories, one below the other.
        self.register_buffer("offset", torch.tensor([0, *self.sizes[:-1]]).cumsum(0))
        self.embedding = nn.Embedding(sum(self.sizes), EMBEDDED_IN)
        nn.init.normal_(self.embedding.weight, std=0.1)
        width = EMBEDDED_IN * len(self.sizes) + encoder.width - len(self.sizes)
        self.deep = nn.ModuleList(_layers(width, hidden, dropout) for _ in range(members))

    def forward(self, rows: Tensor) -> Tensor:
        """Encoded rows [n, width] → logits [n]."""
        numbers = squashed(rows[:, len(self.sizes) :])
        codes = rows[:, : len(self.sizes)].long() + self.offset
        read = torch.cat([self.embedding(codes).flatten(1), numbers], dim=1)
        deep = torch.cat([layers(read) for layers in self.deep], dim=1).mean(dim=1)
        logits: Tensor = self.wide.read(rows, numbers) + deep
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


def _layers(width: int, hidden: tuple[int, ...], dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for units in hidden:
        layers += [nn.Linear(width, units), nn.ReLU(), Dropout(dropout)]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 1))
