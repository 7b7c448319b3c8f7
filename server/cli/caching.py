"""Where this user's copies of farms are kept. All of it may be deleted at any time: it is only made again."""

import os
from datetime import datetime
from pathlib import Path

from crashfarm.errors import ConfigError


def folder() -> Path:
    """The folder, which nobody else may read. Raises ConfigError if it cannot be made."""
    base = os.environ.get("XDG_CACHE_HOME")
    path = (Path(base) if base else Path.home() / ".cache") / "crashfarm"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise ConfigError(f"cannot make the folder {path}: {exc.strerror}; XDG_CACHE_HOME names another") from exc
    return path


def forget(pattern: str, before: datetime) -> None:
    """Remove the files whose names match the pattern and which nobody has written since then."""
    for file in folder().glob(pattern):
        if file.stat().st_mtime < before.timestamp():
            file.unlink(missing_ok=True)
