"""Archives, well-made and ill-meant."""

import io
import tarfile
import zipfile
from typing import Any


def tar(*members: tuple[str, Any], mode: str = "w:gz") -> bytes:
    """A tar of (name, content): bytes are a file, a dict is a TarInfo's fields."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            entry = tarfile.TarInfo(name)
            fields = content if isinstance(content, dict) else {"mode": 0o755}
            for field, value in fields.items():
                setattr(entry, field, value)
            body = content if isinstance(content, bytes) else b""
            entry.size = len(body) if body else entry.size
            archive.addfile(entry, io.BytesIO(body))
    return made.getvalue()


def link(to: str) -> dict[str, Any]:
    """A symbolic link's fields."""
    return {"type": tarfile.SYMTYPE, "linkname": to}


def hard_link(to: str) -> dict[str, Any]:
    """A hard link's fields."""
    return {"type": tarfile.LNKTYPE, "linkname": to}


def zipped(*members: tuple[str, bytes], mode: int = 0o100755) -> bytes:
    """A zip of files, all of that mode."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return made.getvalue()
