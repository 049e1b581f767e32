"""Train the small networks that score feature rows; see `inglenook.answer.scorer` for the form of the result.

Full-batch AdamW on standardised rows, by groups: the rows of one question compete in a softmax in which "none of them" is
one more choice of logit 0, or each row stands alone (logistic). Knows arrays only.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False
# (PyTorch is an extra: the checker may not see it)

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class ScorerModule(nn.Module):
    """Rows (N, F) -> logits (N,): one hidden layer beside a direct linear term."""

    def __init__(self, num_features: int, hidden: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(num_features, hidden)
        self.direct = nn.Linear(num_features, 1)
        self.out = nn.Linear(hidden, 1, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the logits."""
        wide = functional.gelu(self.hidden(rows), approximate="tanh")
        return (self.direct(rows) + self.out(wide)).squeeze(-1)


def fit(
    rows: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None,
    *,
    hidden: int = 24,
    steps: int = 400,
    learning_rate: float = 0.01,
    decay: float = 0.05,
    weights: np.ndarray | None = None,
    seed: int = 1,
) -> dict[str, np.ndarray]:
    """Return a network as named arrays.

    Args:
        rows: (N, F).
        labels: (N,) 0 or 1; with `groups`, any number of a group's rows may be right, or none.
        groups: (N,) group of each row, ascending from 0, or None for independent rows.
        hidden: width of the hidden layer.
        steps: of AdamW on all rows at once.
        learning_rate: at its highest.
        decay: weight decay.
        weights: per group, or per row without groups.
        seed: of the first weights.
    """
    torch.manual_seed(seed)
    mean, scale = rows.mean(0), 1 / (rows.std(0) + 1e-3)
    x = torch.from_numpy(np.clip((rows - mean) * scale, -5, 5).astype(np.float32))
    y = torch.from_numpy(labels.astype(np.float32))
    g = None if groups is None else torch.from_numpy(groups.astype(np.int64))
    w = torch.ones(len(rows) if g is None else int(g.max()) + 1) if weights is None else torch.from_numpy(weights)
    model = ScorerModule(rows.shape[1], hidden)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=decay)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1.0, (step + 1) / 20) * (1 - step / steps)
        loss = _row_loss(model(x), y, w) if g is None else _group_loss(model(x), y, g, w)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _arrays(model, mean, scale)


def _row_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, labels, weights)


def _group_loss(logits: Tensor, labels: Tensor, groups: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of -log P(some right row, or "none" where none is right) over the groups."""
    count = len(weights)
    total = torch.zeros(count).index_add(0, groups, logits.clamp(max=15).exp()) + 1
    right = torch.zeros(count).index_add(0, groups, logits.clamp(max=15).exp() * labels)
    has_right = torch.zeros(count).index_add(0, groups, labels) > 0
    loss = total.log() - torch.where(has_right, right.clamp(min=1e-9), torch.ones(count)).log()
    return (loss * weights).sum() / weights.sum()


def _arrays(model: ScorerModule, mean: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
    direct = model.direct.weight.detach().numpy()[0]
    arrays = {
        "mean": mean,
        "scale": scale,
        "hidden": model.hidden.weight.detach().numpy().T,
        "hidden_bias": model.hidden.bias.detach().numpy(),
        "direct": direct,
        "out": model.out.weight.detach().numpy()[0],
        "bias": model.direct.bias.detach().numpy()[0],
    }
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}
