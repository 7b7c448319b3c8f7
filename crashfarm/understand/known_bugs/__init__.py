"""Known bugs: which bugs of a list explain a finding, and lists that others kept, read as bugs."""

from crashfarm.understand.known_bugs.funfuzz import parse_list, read_list
from crashfarm.understand.known_bugs.importing import BadLine, BugList, InvalidList, check_name
from crashfarm.understand.known_bugs.index import KnownBugs, Look, Refused, refusal
from crashfarm.understand.known_bugs.rows import parse_csv, parse_json_lines, read_csv, read_json_lines

__all__ = [
    "BadLine",
    "BugList",
    "InvalidList",
    "KnownBugs",
    "Look",
    "Refused",
    "check_name",
    "parse_csv",
    "parse_json_lines",
    "parse_list",
    "read_csv",
    "read_json_lines",
    "read_list",
    "refusal",
]
