"""Reading design documents from folders: what ships, and what is refused, with the file's name."""

from pathlib import Path

import pytest

from crashfarm.errors import ConfigError
from server.deploy.sources import MARK, PLACES, Design, load, read
from tests.javascript import MAPS, ROOT, name_of

MAP = "function (doc) { emit(doc._id, null); }"
PLACED = {"animals": ("status",), "documents": ("status", "history")}


def write(root: Path, **files: str) -> tuple[Path, Path]:
    """The folders views/ and couchapp/ with these files; `__` in a name stands for a slash, `_js` for its end."""
    folders = root / "views", root / "couchapp"
    for folder in folders:
        folder.mkdir()
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_js", ".js")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folders


def refusal(root: Path, **files: str) -> str:
    """What is said about these files."""
    with pytest.raises(ConfigError) as caught:
        read(*write(root, **files), PLACED)
    return str(caught.value)


def test_every_map_of_the_folder_ships() -> None:
    """None is forgotten on its way to CouchDB, and none is changed."""
    shipped = {
        f"{design.name}/{view}": design.members["views"][view]["map"] for design in load() for view in design.views
    }
    assert shipped == {name_of(path): path.read_text() for path in MAPS}


def test_validation_ships_to_both_databases() -> None:
    """Both hold documents that can break."""
    [documents] = [design for design in load() if design.name == "documents"]
    source = (ROOT / "couchapp/documents/validate_doc_update.js").read_text()
    assert documents.members == {"language": "javascript", "validate_doc_update": source}
    assert documents.places == ("status", "history")


def test_every_place_has_a_design_document() -> None:
    """A name in the list that has no folder is a slip of the pen."""
    assert {design.name for design in load()} == set(PLACES)


def test_digest_tells_sources_apart(tmp_path: Path) -> None:
    """Whoever looks at a design document can compare it with another farm's."""
    [one] = read(*write(tmp_path, views__animals__by_name__map_js=MAP), PLACED)
    (tmp_path / "views/animals/by_name/reduce").write_text("_count\n")
    [other] = read(tmp_path / "views", tmp_path / "couchapp", PLACED)
    assert one.doc()[MARK]["digest"] != other.doc()[MARK]["digest"]
    assert other.doc()["views"]["by_name"] == {"map": MAP, "reduce": "_count"}


def test_filters_and_updates_are_read(tmp_path: Path) -> None:
    """They are named by their files."""
    files = {"couchapp__documents__filters__jobs_js": "a", "couchapp__documents__updates__beat_js": "b"}
    [design] = read(*write(tmp_path, **files), PLACED)
    assert design.members == {"language": "javascript", "filters": {"jobs": "a"}, "updates": {"beat": "b"}}
    assert design.views == ()


def test_staged_design_has_the_views_and_nothing_else() -> None:
    """Whatever acts on documents must wait for the swap."""
    members = {"language": "javascript", "views": {"v": {"map": MAP}}, "validate_doc_update": "x", "filters": {}}
    staged = Design("animals", ("status",), members).staged()
    assert staged.id == "_design/animals-staged"
    assert staged.members == {"language": "javascript", "views": {"v": {"map": MAP}}}


def test_folder_without_a_database_is_refused(tmp_path: Path) -> None:
    """It would be pushed nowhere, without a word."""
    said = refusal(tmp_path, views__plants__by_name__map_js=MAP)
    assert said == "design document 'plants': server/deploy/sources.py does not say which database it is of"


def test_view_without_a_map_is_refused(tmp_path: Path) -> None:
    """The path is the address: there is no other place to look."""
    assert refusal(tmp_path, views__animals__by_name__reduce="_count") == "views/animals/by_name: there is no map.js"


def test_reduce_of_our_own_is_refused(tmp_path: Path) -> None:
    """Built-in reduces only."""
    files = {"views__animals__by_name__map_js": MAP, "views__animals__by_name__reduce": "function () {}"}
    said = refusal(tmp_path, **files)
    assert said.startswith("views/animals/by_name/reduce: 'function () {}' is none of _approx_count_distinct, _count")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "views__animals__by_name__notes.txt",
            "views/animals/by_name/notes.txt: a view has the files map.js and reduce",
        ),
        (
            "couchapp__documents__validate_js",
            "couchapp/documents/validate.js: not one of validate_doc_update.js, filters/",
        ),
        ("couchapp__documents__filters__a.txt", "couchapp/documents/filters/a.txt: only .js files belong here"),
    ],
)
def test_file_that_means_nothing_is_refused(tmp_path: Path, name: str, said: str) -> None:
    """A typing error in a file's name must not silently leave a function out."""
    assert refusal(tmp_path, **{name: "x", "views__animals__by_name__map_js": MAP}).startswith(said)


def test_two_folders_for_one_design_document_are_refused(tmp_path: Path) -> None:
    """What changes together is split on purpose."""
    files = {"views__animals__by_name__map_js": MAP, "couchapp__animals__validate_doc_update_js": "x"}
    assert refusal(tmp_path, **files) == "couchapp/animals: views/ has a design document of that name, too"
