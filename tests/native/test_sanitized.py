"""The core's stand-alone test under the address and undefined-behaviour sanitizers."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_core_runs_clean_under_sanitizers(tmp_path):
    if not shutil.which("cmake"):
        pytest.skip("no cmake on the path")
    options = ["-DINGLENOOK_PYTHON=OFF", "-DINGLENOOK_SANITIZE=ON", "-DCMAKE_BUILD_TYPE=None"]
    subprocess.run(["cmake", "-S", ROOT, "-B", tmp_path, *options], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", tmp_path, "--parallel", "2"], check=True, capture_output=True)

    run = subprocess.run([tmp_path / "native_test", "20000"], check=False, capture_output=True, text=True)

    assert (run.returncode, run.stdout) == (0, "native core: all passed\n"), run.stderr
