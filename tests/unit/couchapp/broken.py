"""validate_doc_update as tests of its rules use it: run on good documents with something changed."""

import copy
from typing import Any

from tests.javascript import ROOT, validation

Json = dict[str, Any]

SOURCE = (ROOT / "couchapp/documents/validate_doc_update.js").read_text()
validate = validation(SOURCE)

GONE = object()
"""In the place of a value: the member is missing."""

Case = tuple[Any, str, Any, str]
"""What is changed on which good document, to what, and how the refusal begins."""


def changed(make: Any, path: str, value: Any) -> Json:
    """A sample with the member at that path set, or taken away; list members by their number."""
    doc: Json = copy.deepcopy(make())
    *way, last = (int(part) if part.isdigit() else part for part in path.split("/"))
    place: Any = doc
    for part in way:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return doc


def name_of(case: Case) -> str:
    """A case's name among the tests."""
    make, path, value, _ = case
    return f"{make.__name__}-{path}-{'missing' if value is GONE else str(value)[:20]}"


def refusal_of(case: Case) -> str:
    """What the function says of a case; nothing if it takes the document."""
    make, path, value, _ = case
    return validate(changed(make, path, value)) or ""
