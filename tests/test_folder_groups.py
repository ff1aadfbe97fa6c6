"""Groups that files state: in front matter, and in a .quoth.toml beside the files of a folder. What
cannot be read is an error, and never opens a document.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.document import Document
from corpus.errors import DocumentError
from corpus.folder_groups import FolderGroups
from corpus.limits import DEFAULT_LIMITS
from corpus.load import ParseTask, UploadTask, parse_task, read_document
from corpus.pool import ParserPool
from index.collection import Collection
from index.outcome import FileOutcome, FileStatus
from service.mirror.sync import Mirror

Make = Callable[..., Document]
Open = Callable[..., Collection]
Groups = tuple[str, ...] | None


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    with ParserPool(0, DEFAULT_LIMITS) as opened:
        yield opened


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def uploaded(text: str, groups: Groups = None) -> Groups:
    task = UploadTask("plan.md", text.encode(), groups=groups)
    return parse_task(task, task.data, DEFAULT_LIMITS).groups


@pytest.mark.parametrize(
    ("front_matter", "groups"),
    [
        ("groups: [staff, board]", ("board", "staff")),
        ("groups: staff, board", ("board", "staff")),
        ("groups:\n- staff", ("staff",)),
        ("groups: []", ()),
        ("title: Nets: how to mend them\ngroups: [staff, 'board']", ("board", "staff")),
        ("title: Support groups", None),
    ],
)
def test_front_matter_names_the_groups_of_its_document(front_matter: str, groups: Groups) -> None:
    assert uploaded(f"---\n{front_matter}\n---\nGas flows.") == groups


def test_front_matter_in_toml_names_them_too() -> None:
    assert uploaded('+++\ngroups = ["staff"]\n+++\nGas flows.') == ("staff",)


@pytest.mark.parametrize(
    "front_matter",
    [
        "---\ngroups:\n---",
        "---\ngroups: ~\n---",
        "---\ngroups: {staff: yes}\n---",
        "---\ngroups: [staff, '']\n---",
        "---\ngroups: [[staff]]\n---",
        "---\ngroups: [staff\ntitle: x\n---",
        "---\n- x\ngroups: staff\n---",
        "+++\ngroups = [staff]\n+++",
    ],
)
def test_groups_that_cannot_be_read_refuse_the_file(front_matter: str) -> None:
    with pytest.raises(DocumentError, match=r"plan.md: has a front matter (whose groups|that)"):
        uploaded(f"{front_matter}\nGas flows.")


@pytest.mark.parametrize(
    ("stated", "limit", "groups"),
    [
        ("[staff, board]", ("staff",), ("staff",)),
        ("[board]", ("staff",), ("staff",)),
        ("[]", ("staff",), ("staff",)),
        ("[board]", (), ("board",)),
    ],
)
def test_front_matter_narrows_the_groups_of_the_sender_and_never_widens_them(
    stated: str, limit: Groups, groups: Groups
) -> None:
    assert uploaded(f"---\ngroups: {stated}\n---\nGas flows.", limit) == groups


def test_the_nearest_file_in_or_above_a_folder_states_its_groups(tmp_path: Path) -> None:
    written(tmp_path / "hr" / ".quoth.toml", 'groups = ["hr", "board"]')
    written(tmp_path / "hr" / "open" / ".quoth.toml", "groups = []")
    groups = FolderGroups()
    assert groups.of(tmp_path / "a.txt") is None
    assert groups.of(tmp_path / "hr" / "deep" / "er" / "a.txt") == ("board", "hr")
    assert groups.of(tmp_path / "hr" / "open" / "a.txt") == ()
    assert dict(groups.stated()) == {
        str(tmp_path / "hr"): ("board", "hr"),
        str(tmp_path / "hr" / "open"): (),
    }


@pytest.mark.parametrize(
    "settings",
    [
        *("", "groups = hr", 'groups = "hr"', "groups = [1]", 'groups = [""]', 'group = ["hr"]'),
        *('groups = ["hr"]\nowner = "me"', 'groups = ["' + "x" * 101 + '"]', "#" * 70_000),
    ],
)
def test_a_file_that_does_not_state_groups_is_an_error(tmp_path: Path, settings: str) -> None:
    written(tmp_path / ".quoth.toml", settings)
    with pytest.raises(DocumentError, match=r"\.quoth\.toml: "):
        FolderGroups().of(tmp_path / "a.txt")


def test_a_link_or_a_folder_in_its_position_is_an_error(tmp_path: Path) -> None:
    written(tmp_path / "elsewhere.toml", 'groups = ["hr"]')
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".quoth.toml").symlink_to(tmp_path / "elsewhere.toml")
    (tmp_path / "folder" / ".quoth.toml").mkdir(parents=True)
    for name in ("linked", "folder"):
        with pytest.raises(DocumentError, match="is not a file of at most"):
            FolderGroups().of(tmp_path / name / "a.txt")


def synced(collection: Collection, folder: Path, pool: ParserPool) -> list[FileOutcome]:
    mirror = Mirror(collection, folder)
    return list(mirror.carry_out(mirror.plan(), pool))


def test_a_sync_follows_the_groups_of_folders(
    open_collection: Open, tmp_path: Path, pool: ParserPool
) -> None:
    folder, collection = tmp_path / "files", open_collection()
    written(folder / "hr" / "pay.txt", "Gas pays.")
    written(folder / "line.txt", "Gas flows.")

    def groups() -> dict[str, tuple[str, ...]]:
        return {each.id.rpartition("/")[2]: each.groups for each in collection.documents()}

    synced(collection, folder, pool)
    assert groups() == {"pay.txt": (), "line.txt": ()}
    settings = written(folder / "hr" / ".quoth.toml", 'groups = ["hr"]')
    synced(collection, folder, pool)
    assert groups() == {"pay.txt": ("hr",), "line.txt": ()}
    # Nothing is read again while nothing changes.
    assert {each.status for each in synced(collection, folder, pool)} == {FileStatus.UNCHANGED}
    settings.write_text("groups = 1")
    with pytest.raises(DocumentError):
        synced(collection, folder, pool)
    settings.unlink()
    synced(collection, folder, pool)
    assert groups()["pay.txt"] == ("hr",), "a file that says nothing does not open its document"
    settings.write_text("groups = []")
    synced(collection, folder, pool)
    assert groups()["pay.txt"] == ()


def test_a_sync_into_a_collection_moves_the_documents_of_its_folder(
    open_collection: Open, tmp_path: Path, pool: ParserPool
) -> None:
    folder, collection = tmp_path / "files", open_collection()
    written(folder / "line.txt", "Gas flows.")
    synced(collection, folder, pool)
    collection.add_collection("gas")
    moved = Mirror(collection, folder, into="gas")
    assert [each.status for each in moved.carry_out(moved.plan(), pool)] == [FileStatus.UPDATED]
    written(folder / "new.txt", "Gas is new.")
    synced(collection, folder, pool)
    assert {each.collection for each in collection.documents()} == {"gas"}


def test_a_file_does_not_take_a_restricted_document_by_its_id(
    open_collection: Open, tmp_path: Path, pool: ParserPool, make: Make
) -> None:
    folder, collection = tmp_path / "files", open_collection()
    collection.add_collection("hr")
    collection.put([make("pay", collection="hr"), make("board", groups=["board"]), make("open")])
    for name in ("pay", "board", "open"):
        written(folder / f"{name}.md", f"---\nid: {name}\n---\nTaken.")
    failed = [each.reason for each in synced(collection, folder, pool) if each.is_failure]
    assert len(failed) == 2
    assert all("elsewhere in the index" in (reason or "") for reason in failed)
    texts = {each.id: collection.store.document(each.id).text for each in collection.documents()}
    assert [name for name, text in texts.items() if text == "Taken."] == ["open"]


def test_a_file_read_by_itself_has_the_groups_of_its_front_matter(tmp_path: Path) -> None:
    path = written(tmp_path / "a.md", "---\ngroups: hr\n---\nGas.")
    assert read_document(path, max_bytes=1_000).groups == ("hr",)


def test_a_sync_takes_over_the_documents_that_its_own_paths_name(
    open_collection: Open, tmp_path: Path, pool: ParserPool, make: Make
) -> None:
    collection = open_collection()
    collection.add_collection("hr")
    collection.put([make("files/pay.txt", "Gas.", collection="hr", groups=["board"])])
    written(tmp_path / "files" / "pay.txt", "Gas pays.")
    outcomes = synced(collection, tmp_path / "files", pool)
    assert [each.document_id for each in outcomes if not each.is_failure] == ["files/pay.txt"]
    taken = collection.store.document("files/pay.txt")
    assert (taken.text, taken.collection, taken.groups) == ("Gas pays.", "hr", ("board",))


@pytest.mark.processes
def test_groups_and_collection_come_back_from_the_processes_that_parse(tmp_path: Path) -> None:
    path = written(tmp_path / "a.md", "---\ngroups: [hr, board]\n---\nGas.")
    limited = ParseTask(path, "a", collection="staff", groups=("hr",))
    with ParserPool(1, DEFAULT_LIMITS) as started:
        uploads = (UploadTask("b.md", path.read_bytes()), UploadTask("c.txt", b"Gas."))
        first, second, third = started.parse([limited, *uploads])
    read = [each.required_document() for each in (first, second, third)]
    assert [(each.collection, each.groups) for each in read] == [
        ("staff", ("hr",)),
        (None, ("board", "hr")),
        (None, None),
    ]
