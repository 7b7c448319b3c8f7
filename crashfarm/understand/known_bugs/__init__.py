"""Known bugs: which bugs of a list explain a finding, and lists that others kept, read as bugs."""

from crashfarm.understand.known_bugs.funfuzz import read_list
from crashfarm.understand.known_bugs.importing import InvalidList
from crashfarm.understand.known_bugs.index import KnownBugs, Refused
from crashfarm.understand.known_bugs.rows import read_csv, read_json_lines

__all__ = ["InvalidList", "KnownBugs", "Refused", "read_csv", "read_json_lines", "read_list"]
