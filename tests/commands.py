"""The commands on a report's pages, read as a shell reads what a person copies from there."""

import html
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

_ASKED = re.compile(r'<dt id="ask-([\w-]+)">.*?<code><bdi>(.*?)</bdi></code>', re.DOTALL)

_TOLD = "crashfarm() { printf '%s\\0' \"$@\"; printf '\\n\\0'; }\n"
"""A command that tells the words that it is given, each ended by what no word holds."""


def on_page(page: Path) -> dict[str, list[str]]:
    """By their names, the words behind `crashfarm` of the commands on a page."""
    found = {name: html.unescape(words) for name, words in _ASKED.findall(page.read_text())}
    return dict(zip(found, _typed([*found.values()]), strict=True))


def _typed(commands: list[str]) -> Iterator[list[str]]:
    """What each of these lines hands to the program, if it is typed in a shell."""
    ended = subprocess.run(["bash"], input=_TOLD + "\n".join(commands), text=True, capture_output=True, check=True)
    assert not ended.stderr, ended.stderr
    for words in ended.stdout.split("\n\0")[:-1]:
        yield words.split("\0")[:-1]
