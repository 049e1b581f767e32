"""Train the reader: a BERT encoder with heads for the answering span, answerability and relevance.

    python -m inglenook.train.reader examples.npz run-folder [--start model-folder] [--epochs 3] ...

It knows arrays only (see `Examples`); what questions, windows and token types are is decided where the file is made. The
run is resumable: state is saved every `save_every_s` seconds, the order of batches is a function of the seed, and the same command goes on
where it stopped. The first token of a sequence stands for "no answer here" (Devlin et al. 2019, section 4.3).
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False
# (PyTorch is an extra: the checker may not see it)

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from inglenook.train.bert import Bert, BertShape, init_weights


@dataclass(frozen=True)
class Recipe:
    """The dials of a run; stored with it."""

    epochs: int = 3
    warm_epochs: int = 1
    """Passes over the made-up examples (stage 0) before the real ones."""
    learning_rate: float = 1.5e-4
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.06
    batch_tokens: int = 3072
    freeze_words: bool = True
    seed: int = 1
    threads: int = 2
    bfloat16: bool = True
    save_every_s: float = 120.0
    limit_s: float = 0.0
    """Stop after this many seconds, saved; 0 means run to the end."""


@dataclass(frozen=True)
class Examples:
    """What is learnt from, flat arrays over N sequences of T_i tokens.

    Attributes:
        ids (sum T,) int32, types (sum T,) int8, offsets (N + 1,) int64.
        start, end (N,): the answering tokens, 0 and 0 for none. answer, relevant (N,) 0 or 1.
        stage (N,): 0 made up, 1 real, 2 held back (never learnt from).
    """

    ids: np.ndarray
    types: np.ndarray
    offsets: np.ndarray
    start: np.ndarray
    end: np.ndarray
    answer: np.ndarray
    relevant: np.ndarray
    stage: np.ndarray

    @classmethod
    def load(cls, path: Path) -> "Examples":
        """Return the examples of an `.npz` file."""
        with np.load(path) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def batch(self, rows: np.ndarray) -> dict[str, Tensor]:
        """Return the rows padded to their longest as int64 tensors, with a validity mask."""
        lengths = (self.offsets[rows + 1] - self.offsets[rows]).astype(int)
        ids = np.zeros((len(rows), lengths.max()), np.int64)
        types = np.zeros_like(ids)
        valid = np.zeros(ids.shape, bool)
        for i, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            place = slice(self.offsets[row], self.offsets[row] + length)
            ids[i, :length], types[i, :length], valid[i, :length] = self.ids[place], self.types[place], True
        labels = {name: getattr(self, name)[rows].astype(np.int64) for name in ("start", "end", "answer", "relevant")}
        arrays = {"ids": ids, "types": types, "valid": valid, **labels}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def batches(self, rows: np.ndarray, batch_tokens: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Return all `rows` in random batches of similar lengths, at most `batch_tokens` tokens with padding."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        order = rows[np.argsort(lengths + rng.uniform(0, 12, len(rows)), kind="stable")]
        out: list[np.ndarray] = []
        current: list[int] = []
        longest = 0
        for row in order:
            longest_now = max(longest, int(self.offsets[row + 1] - self.offsets[row]))
            if current and longest_now * (len(current) + 1) > batch_tokens:
                out.append(np.array(current))
                current, longest_now = [], int(self.offsets[row + 1] - self.offsets[row])
            current.append(row)
            longest = longest_now
        if current:
            out.append(np.array(current))
        return [out[i] for i in rng.permutation(len(out))]


class Reader(nn.Module):
    """The encoder and its two heads: per token (start, end), per sequence (answer, relevance)."""

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.bert = Bert(shape)
        self.span_head = nn.Linear(shape.hidden_size, 2)
        self.pair_head = nn.Linear(shape.hidden_size, 2)

    def forward(self, ids: Tensor, types: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return span logits (B, T, 2), minus infinity at padding and in the question, and pair logits (B, 2)."""
        states = self.bert(ids, types, valid).float()
        return self.span_head(states), self.pair_head(states[:, 0])


def loss_of(model: Reader, batch: dict[str, Tensor]) -> Tensor:
    """Return the mean loss of a batch: cross entropy of start and end, and binary cross entropy of both pair labels."""
    spans, pair = model(batch["ids"], batch["types"], batch["valid"])
    spans = spans.masked_fill(~batch["valid"][..., None], -1e4)
    start = functional.cross_entropy(spans[..., 0], batch["start"])
    end = functional.cross_entropy(spans[..., 1], batch["end"])
    labels = torch.stack([batch["answer"], batch["relevant"]], 1).float()
    return 0.5 * (start + end) + 0.5 * functional.binary_cross_entropy_with_logits(pair, labels)


def load_encoder(model: Reader, folder: Path) -> None:
    """Start the encoder from a Hugging Face folder, in place; token types beyond the stored two start as copies."""
    weights = {name.removeprefix("bert."): value for name, value in load_file(folder / "model.safetensors").items()}
    own = model.bert.state_dict()
    stored = weights["embeddings.token_type_embeddings.weight"]
    kinds = own["embeddings.token_type_embeddings.weight"].shape[0]
    # Types of an English pair: 0 other, 1 window, 2 window match, 3 and 4 question words.
    weights["embeddings.token_type_embeddings.weight"] = stored[torch.tensor([0, 1, 1, 0, 0][:kinds])]
    model.bert.load_state_dict({name: weights[name] for name in own})


def make_model(shape: BertShape, start: Path | None, seed: int) -> Reader:
    """Return a reader with fresh heads, its encoder fresh or started from the folder `start`."""
    torch.manual_seed(seed)
    model = Reader(shape)
    model.apply(init_weights)
    if start is not None:
        load_encoder(model, start)
    return model


def make_optimizer(model: Reader, recipe: Recipe) -> torch.optim.AdamW:
    """Return AdamW with a larger rate for the heads and token types, without decay of biases and norms."""
    quick, slow, plain = [], [], []
    for name, parameter in model.named_parameters():
        if recipe.freeze_words and ("word_embeddings" in name or "position_embeddings" in name):
            parameter.requires_grad = False
        elif "head" in name or "token_type" in name:
            quick.append(parameter)
        elif parameter.ndim == 1:
            plain.append(parameter)
        else:
            slow.append(parameter)
    return torch.optim.AdamW(
        [
            {"params": quick, "lr": recipe.head_learning_rate, "weight_decay": 0.0},
            {"params": slow, "lr": recipe.learning_rate, "weight_decay": recipe.weight_decay},
            {"params": plain, "lr": recipe.learning_rate, "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
    )


def plan(examples: Examples, recipe: Recipe) -> list[np.ndarray]:
    """Return every batch of the run in order: a function of the examples, the recipe and its seed alone."""
    out = []
    for epoch in range(recipe.warm_epochs + recipe.epochs):
        rows = np.flatnonzero(examples.stage == (0 if epoch < recipe.warm_epochs else 1))
        out += examples.batches(rows, recipe.batch_tokens, np.random.default_rng((recipe.seed, epoch)))
    return out


def rate_at(step: int, total: int, warmup: float) -> float:
    """Return the factor on the learning rate: up linearly over the warm-up, then down linearly to zero."""
    rise = max(1, int(total * warmup))
    return min((step + 1) / rise, (total - step) / max(1, total - rise))


def train(examples: Examples, shape: BertShape, recipe: Recipe, folder: Path, start: Path | None = None) -> Reader:
    """Train to the end of the plan, or for `limit_s`, saving to `folder`, from which the same call goes on."""
    torch.set_num_threads(recipe.threads)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(json.dumps({"shape": asdict(shape), "recipe": asdict(recipe)}, indent=1))
    model = make_model(shape, start, recipe.seed)
    optimizer = make_optimizer(model, recipe)
    rates = [group["lr"] for group in optimizer.param_groups]
    batches = plan(examples, recipe)
    step = _resume(folder, model, optimizer)
    began = saved = time.monotonic()
    running = 0.0
    for step in range(step, len(batches)):  # noqa: B020 - the range is made from where the run stopped
        model.train()
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout too is a function of the step
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * rate_at(step, len(batches), recipe.warmup)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            loss = loss_of(model, examples.batch(batches[step]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running = 0.98 * running + 0.02 * float(loss.detach()) if running else float(loss.detach())
        now = time.monotonic()
        if step % 50 == 0:
            print(f"step {step}/{len(batches)} loss {running:.3f} {now - began:.0f} s", flush=True)
        if now - saved > recipe.save_every_s or step + 1 == len(batches):
            _save(folder, model, optimizer, step + 1)
            saved = now
        if recipe.limit_s and now - began > recipe.limit_s:
            _save(folder, model, optimizer, step + 1)
            break
    return model


def _save(folder: Path, model: Reader, optimizer: torch.optim.Optimizer, step: int) -> None:
    unfinished = folder / "state.pt.new"
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, unfinished)
    unfinished.replace(folder / "state.pt")
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "reader.safetensors")


def _resume(folder: Path, model: Reader, optimizer: torch.optim.Optimizer) -> int:
    if not (folder / "state.pt").exists():
        return 0
    state = torch.load(folder / "state.pt", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    print(f"going on from step {state['step']}", flush=True)
    return int(state["step"])


@torch.no_grad()
def predict(
    model: Reader, examples: Examples, rows: np.ndarray, batch_tokens: int = 8192
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield (row, span logits (T, 2), pair logits (2,)) for each of `rows`, shortest first."""
    model.eval()
    for batch_rows in examples.batches(rows, batch_tokens, np.random.default_rng(0)):
        batch = examples.batch(batch_rows)
        spans, pair = model(batch["ids"], batch["types"], batch["valid"])
        for i, row in enumerate(batch_rows):
            length = int(batch["valid"][i].sum())
            yield int(row), spans[i, :length].numpy(), pair[i].numpy()


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", type=Path, help="folder of a BERT-family model to start from")
    parser.add_argument("--shape", type=json.loads, required=True, help="JSON object with the fields of BertShape")
    for field in fields(Recipe):
        kind = (lambda text: text == "true") if field.type == "bool" or field.type is bool else type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    given = vars(parser.parse_args())
    recipe = Recipe(**{field.name: given[field.name] for field in fields(Recipe)})
    train(Examples.load(given["examples"]), BertShape(**given["shape"]), recipe, given["folder"], given["start"])


if __name__ == "__main__":
    main()
