"""Compilers, and programs made with them."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from crashfarm.understand import Understanding, understand

SOURCES = Path(__file__).parent / "sources"
SECONDS = 120
"""A program that is not done by then is stuck."""


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it wrote."""

    returncode: int
    output: bytes

    def understood(self, core_text: bytes = b"") -> Understanding:
        """What the farm makes of it."""
        code = self.returncode
        status, signal = (code, None) if code >= 0 else (None, -code)
        return understand(exit_status=status, signal=signal, output=self.output, core_text=core_text)


def tool(name: str) -> str:
    """The path of a tool; skips the test where there is none."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> Ended:
    """Run a command to its end, standard error in its output."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout)


def make(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a compiler; skips the test where it cannot do what is asked for."""
    ended = run(*command, cwd=cwd)
    if ended.returncode:
        pytest.skip(f"{command[0]} cannot compile this: {ended.output.decode('utf-8', 'replace')[-300:]}")


@pytest.fixture(scope="session")
def crimes(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes sources/crimes.c with flags of the compiler, each set of flags once."""
    made: dict[tuple[str, ...], Path] = {}

    def compiled(*flags: str) -> Path:
        if flags not in made:
            program = tmp_path_factory.mktemp("crimes") / "crimes"
            make(tool("gcc"), "-g", "-O0", *flags, "-o", program, SOURCES / "crimes.c", "-lpthread")
            made[flags] = program
        return made[flags]

    return compiled
