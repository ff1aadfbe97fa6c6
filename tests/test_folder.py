"""Scanning folders and reading files: what a scan returns, and how a change is noticed."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.errors import DocumentError
from corpus.files import NO_TIME, Fingerprint, read_contents, read_settled
from corpus.folder import scan

LIMIT = 1_000


def old(path: Path, text: str = "Gas flows.") -> Path:
    """A file that was changed long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(1_000_000_000, 1_000_000_000))
    return path


def deny_listing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deny the permission to list a folder, even to root."""
    listed = Path.iterdir

    def list_unless_denied(path: Path) -> Iterator[Path]:
        if path == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", list_unless_denied)


def test_a_scan_returns_the_documents_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in (
        "b.txt",
        "a/z.md",
        "a/a.html",
        "photo.png",
        ".hidden.txt",
        ".git/x.txt",
        "~$open.docx",
    ):
        old(tmp_path / name)
    found = scan(tmp_path)
    assert [state.relative for state in found] == ["a/a.html", "a/z.md", "b.txt"]
    assert [state.name for state in found] == [str(tmp_path / state.relative) for state in found]
    assert {(state.size, state.mtime_ns, state.is_folder) for state in found} == {
        (10, 1_000_000_000, False)
    }


def test_the_time_of_a_recently_changed_file_proves_nothing(tmp_path: Path) -> None:
    path = old(tmp_path / "a.txt")
    assert read_settled(path, LIMIT)[1].mtime_ns == 1_000_000_000
    path.write_text("Oil flows.")
    assert (scan(tmp_path)[0].mtime_ns, read_settled(path, LIMIT)[1].mtime_ns) == (NO_TIME, NO_TIME)
    tomorrow = time.time_ns() + 86_400 * 10**9
    os.utime(path, ns=(tomorrow, tomorrow))
    assert scan(tmp_path)[0].mtime_ns == NO_TIME


def test_links_to_files_are_followed_and_those_to_folders_are_not(tmp_path: Path) -> None:
    old(tmp_path / "elsewhere" / "a.txt")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "elsewhere" / "a.txt")
    (folder / "loop").symlink_to(folder)
    (folder / "none.txt").symlink_to(tmp_path / "none.txt")
    found = scan(folder)
    assert [(state.relative, state.size) for state in found] == [("link.txt", 10), ("none.txt", 0)]
    with pytest.raises(DocumentError, match="is a link to a file that does not exist"):
        read_settled(found[1].path, LIMIT)


def test_a_link_that_leads_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    secret = old(tmp_path / "elsewhere" / "secret.txt")
    folder = tmp_path / "folder"
    inside = old(folder / "sub" / "a.txt")
    (folder / "chain.txt").symlink_to(folder / "link.txt")
    (folder / "link.txt").symlink_to(secret)
    (folder / "own.txt").symlink_to(inside)
    (tmp_path / "way").symlink_to(folder)
    skipped = "was skipped, because a link leads out of the folder to it"
    for name in ("link.txt", "chain.txt"):
        with pytest.raises(DocumentError, match=skipped):
            read_settled(folder / name, LIMIT, folder)
        assert read_settled(folder / name, LIMIT)[0] == secret.read_bytes()
    # A link inside the folder, and a folder that was named by a link, are fine.
    for root in (folder, tmp_path / "way"):
        assert read_settled(root / "own.txt", LIMIT, root)[0] == inside.read_bytes()
        assert read_settled(root / "sub" / "a.txt", LIMIT, root)[0] == inside.read_bytes()


def test_a_file_that_becomes_a_link_or_a_pipe_before_it_is_opened_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = old(tmp_path / "elsewhere" / "secret.txt")
    path = old(tmp_path / "folder" / "a.txt")

    def become_a_link() -> None:
        path.unlink()
        path.symlink_to(secret)

    def become_a_pipe() -> None:
        path.unlink()
        os.mkfifo(path)

    change_before_opening(become_a_link, monkeypatch)
    with pytest.raises(DocumentError, match="was skipped, because a link leads out"):
        read_settled(path, LIMIT, path.parent)
    path.unlink()
    old(path)
    change_before_opening(become_a_pipe, monkeypatch)
    with pytest.raises(DocumentError, match="is not an ordinary file"):
        read_settled(path, LIMIT, path.parent)


@pytest.mark.parametrize(
    ("name", "reason"), [("none", "there is no such folder"), ("a.txt", "is not a folder")]
)
def test_a_path_that_is_not_a_folder_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    old(tmp_path / "a.txt")
    with pytest.raises(DocumentError, match=f"{name}: {reason}"):
        scan(tmp_path / name)


def test_a_subfolder_that_cannot_be_listed_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(tmp_path / "closed" / "a.txt")
    deny_listing(tmp_path / "closed", monkeypatch)
    assert [(state.relative, state.is_folder) for state in scan(tmp_path)] == [("closed", True)]


def test_a_folder_that_is_replaced_during_a_scan_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "papers"
    old(folder / "a.txt")
    listed = Path.iterdir

    def replace_and_list(path: Path) -> Iterator[Path]:
        folder.rename(tmp_path / "elsewhere")
        folder.mkdir()
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", replace_and_list)
    with pytest.raises(DocumentError, match="papers: was replaced while it was being scanned"):
        scan(folder)


def change_before_opening(change: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run ``change`` just before a file is opened, as another process may."""
    opened = os.open

    def change_and_open(path: Path, flags: int) -> int:
        monkeypatch.undo()
        change()
        return opened(path, flags)

    monkeypatch.setattr(os, "open", change_and_open)


@pytest.mark.parametrize("text", ["Gas flows and burns.", "Oil flows."])
def test_a_file_that_changes_while_it_is_read_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old(tmp_path / "a.txt")
    change_before_opening(lambda: path.write_text(text), monkeypatch)
    with pytest.raises(DocumentError, match="changed while it was being read"):
        read_settled(path, LIMIT)
    assert read_settled(path, LIMIT)[0] == text.encode()


def test_a_file_that_grows_over_the_limit_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old(tmp_path / "a.txt")
    change_before_opening(lambda: path.write_bytes(b"x" * 5_000), monkeypatch)
    # No more than one byte over the limit is read.
    with pytest.raises(DocumentError, match="has 1,001 bytes or more; at most 1,000 are allowed"):
        read_contents(path, LIMIT)


def test_a_file_is_read_with_its_fingerprint(tmp_path: Path) -> None:
    data, fingerprint = read_settled(old(tmp_path / "a.txt"), LIMIT)
    assert data == b"Gas flows."
    assert fingerprint == Fingerprint(10, 1_000_000_000, hashlib.sha256(b"Gas flows.").hexdigest())
    with pytest.raises(DocumentError, match="has 10 bytes or more; at most 9"):
        read_settled(tmp_path / "a.txt", 9)


def test_a_file_name_that_is_not_valid_utf8_is_escaped(tmp_path: Path) -> None:
    old(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")))
    assert [state.name for state in scan(tmp_path)] == [f"{tmp_path}/\\xff.txt"]


def test_a_folder_of_any_depth_is_scanned(tmp_path: Path) -> None:
    # Deeper than Python's stack, so pytest could not remove it.
    (tmp_path / ".kept").touch()
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1_200):
            os.mkdir("d")
            os.chdir("d")
        Path("a.txt").write_text("The well is deep.")
    finally:
        os.chdir(before)
    (state,) = scan(tmp_path)
    assert state.name.endswith("/d/d/a.txt")
    state.path.unlink()
    os.removedirs(state.path.parent)
