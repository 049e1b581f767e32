"""Loading a tokenizer from a model folder, with limits; the splitting itself is Hugging Face `tokenizers`.

Knows nothing of models' arithmetic. `tokenizer.json` is preferred; a folder with only `vocab.txt` gets BERT's WordPiece.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from inglenook.core.errors import ModelError

MAX_TOKENIZER_BYTES = 64 << 20
"""The largest published tokenizer files are some 35 MB."""
MAX_VOCAB = 1 << 20


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the folder's tokenizer, with truncation and padding off.

    Raises:
        ModelError: there is none, it is too large, or it cannot be read.
    """
    path = folder / "tokenizer.json"
    if path.is_file():
        return _from_json(path)
    path = folder / "vocab.txt"
    if path.is_file():
        return _from_vocab(path, read_json(folder / "tokenizer_config.json", missing={}))
    raise ModelError(f"{folder}: holds neither tokenizer.json nor vocab.txt; fetch the model again")


def read_json(path: Path, missing: Any = None, max_bytes: int = 16 << 20) -> Any:
    """Return a parsed JSON file of bounded size; `missing` if there is no such file and `missing` is not None.

    Raises:
        ModelError: absent without a default, too large, or not valid JSON.
    """
    if missing is not None and not path.exists():
        return missing
    try:
        return json.loads(_read_bounded(path, max_bytes))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: is not valid JSON: {error}; fetch the model again") from error


def _read_bounded(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > max_bytes:
        raise ModelError(f"{path}: has more than {max_bytes} bytes, the limit for such a file")
    return data


def _from_json(path: Path) -> Tokenizer:
    data = _read_bounded(path, MAX_TOKENIZER_BYTES)
    try:
        tokenizer = Tokenizer.from_buffer(data)
    except Exception as error:
        raise ModelError(f"{path}: cannot be read as a tokenizer: {error}; fetch the model again") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _from_vocab(path: Path, config: dict[str, Any]) -> Tokenizer:
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

    try:
        words = _read_bounded(path, MAX_TOKENIZER_BYTES).decode().splitlines()
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is not UTF-8: {error}; fetch the model again") from error
    if len(words) > MAX_VOCAB:
        raise ModelError(f"{path}: has {len(words)} words, the limit is {MAX_VOCAB}")
    vocab = {word: index for index, word in enumerate(words)}
    special = [str(config.get(f"{name}_token", f"[{name.upper()}]")) for name in ("unk", "cls", "sep")]
    for token in special:
        if token not in vocab:
            raise ModelError(f"{path}: lacks the special token {token!r}; fetch the model again")
    unk, cls, sep = special
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token=unk))
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=bool(config.get("do_lower_case", True)),
        handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)),
        strip_accents=config.get("strip_accents"),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(cls, vocab[cls]), (sep, vocab[sep])],
    )
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens([token for token in (*special, "[PAD]", "[MASK]") if token in vocab])
    return tokenizer
