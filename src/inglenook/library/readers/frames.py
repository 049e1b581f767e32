"""Frames on a byte channel: a four-byte length, then JSON in UTF-8. Both ends refuse a frame above the cap.

The parent and the parser child speak this; the child's side of it is hostile, so `read_frame` believes nothing.
"""

import json
import os
from typing import Any

MAX_FRAME_BYTES = 16 << 20


class FrameError(Exception):
    """The bytes on the channel are no frame."""


def encode_frame(message: dict[str, Any]) -> bytes:
    """Return the bytes of one frame."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    assert len(body) <= MAX_FRAME_BYTES, f"frame of {len(body)} bytes; the cap is {MAX_FRAME_BYTES}"
    return len(body).to_bytes(4, "big") + body


def decode_frame(body: bytes) -> dict[str, Any]:
    """Return the message of a frame's body.

    Raises:
        FrameError: it is no JSON object.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame of {len(body)} bytes is no JSON") from error
    if not isinstance(message, dict):
        raise FrameError(f"a frame holds {type(message).__name__}, not an object")
    return message


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes to a descriptor that blocks."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
