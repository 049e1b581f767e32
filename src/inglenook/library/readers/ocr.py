"""Text from the picture of a page, by the program `tesseract` where it is installed. Knows pixels only."""

import functools
import shutil
import subprocess

LANGUAGES = ("eng", "chi_sim", "chi_tra", "jpn")
TIMEOUT_SECONDS = 60


@functools.cache
def ocr_program() -> str | None:
    """Return the path of the OCR program, or None when it is not installed beneath /usr."""
    found = shutil.which("tesseract", path="/usr/bin:/usr/local/bin")
    return found if found and found.startswith("/usr/") else None


@functools.cache
def _languages(program: str) -> str:
    listing = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=10, check=False).stdout
    present = set(listing.split())
    return "+".join(code for code in LANGUAGES if code in present) or "eng"


def recognise(pixels: bytes, width: int, height: int) -> str:
    """Return the text of a grey picture, one byte a pixel, rows from the top; empty when the program fails."""
    program = ocr_program()
    assert program is not None, "recognise() is called only where ocr_program() names one"
    image = b"P5 %d %d 255\n" % (width, height) + pixels
    command = [program, "stdin", "stdout", "-l", _languages(program)]
    try:
        done = subprocess.run(command, input=image, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode("utf-8", errors="replace").strip()
