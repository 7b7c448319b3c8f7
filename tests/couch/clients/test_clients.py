"""nano and PouchDB, as their users have them, on the CouchDB under test."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 120
LISTS = ("package.json", "package-lock.json", ".npmrc")


def cache() -> Path:
    """Where these very packages are kept from one run to the next."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    content = b"".join((HERE / name).read_bytes() for name in LISTS)
    return base / "crashfarm" / f"clients-{hashlib.sha256(content).hexdigest()[:16]}"


@pytest.fixture(scope="session")
def packages() -> Path:
    """A folder with node_modules, each package checked by its hash. Skips where there is no Node, or no registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no Node.js with npm on the PATH")
    place = cache()
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".clients-", dir=place.parent) as work:
            install(Path(work) / "new", place)
    return place


def install(work: Path, place: Path) -> None:
    """Install into `work`, then move it to `place`; no package runs a script of its own."""
    work.mkdir()
    for name in LISTS:
        shutil.copy(HERE / name, work)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        pytest.skip(f"npm cannot install the clients: {done.stderr.strip()[-300:]}")
    work.rename(place)


@pytest.mark.parametrize(
    ("script", "parts"),
    [
        ("nano.js", ["documents", "bulk", "attachments", "views", "changes"]),
        ("pouchdb.js", ["documents", "bulk", "attachments", "views", "changes", "sync", "conflict", "live"]),
    ],
)
def test_a_client_finds_what_it_expects(
    script: str, parts: list[str], packages: Path, tmp_path: Path, couch_url: str, database_name: str
) -> None:
    """Every part of its script runs to its end: a difference is an assertion that names it."""
    shutil.copy(HERE / script, tmp_path)
    shutil.copy(HERE / "package.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    command = ["node", script, couch_url, database_name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stdout.split()) == (0, parts), done.stderr
