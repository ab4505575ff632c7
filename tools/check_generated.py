"""Fails if `make proto` would change the committed stubs: they are what the contract says, and nothing else."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
STUBS = pathlib.Path("clients/python/pdfgateway/v1")


def stubs(folder: pathlib.Path) -> dict[str, bytes]:
    """The generated files of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*_pb2*"))}


def main() -> int:
    """Generate into a copy, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for name in ("buf.yaml", "buf.gen.yaml"):
            shutil.copy(ROOT / name, copy)
        for name in ("protos", "tools"):
            shutil.copytree(ROOT / name, copy / name)
        subprocess.run(["buf", "generate"], cwd=copy, check=True)  # noqa: S607  (the project's own environment has it)
        committed, generated = stubs(ROOT / STUBS), stubs(copy / STUBS)
    stale = sorted(name for name in committed | generated if committed.get(name) != generated.get(name))
    if stale:
        sys.stderr.write(f"Not as protos/ says: {', '.join(stale)}. Run make proto and commit.\n")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
