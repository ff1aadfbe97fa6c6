"""Scanning folders and reading files: what a scan returns, and how a change is noticed."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from corpus.errors import DocumentError
from corpus.files import NO_TIME, Fingerprint, read_settled
from corpus.folder import scan

LIMIT = 1_000


def old(path: Path, text: str = "Gas flows.") -> Path:
    """A file that was changed long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(1_000_000_000, 1_000_000_000))
    return path


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


@pytest.mark.parametrize(
    ("name", "reason"), [("none", "there is no such folder"), ("a.txt", "is not a folder")]
)
def test_a_path_that_is_not_a_folder_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    old(tmp_path / "a.txt")
    with pytest.raises(DocumentError, match=f"{name}: {reason}"):
        scan(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_subfolder_that_cannot_be_listed_is_returned(tmp_path: Path) -> None:
    old(tmp_path / "closed" / "a.txt")
    (tmp_path / "closed").chmod(0)
    try:
        assert [(state.relative, state.is_folder) for state in scan(tmp_path)] == [("closed", True)]
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_file_is_read_with_its_fingerprint(tmp_path: Path) -> None:
    data, fingerprint = read_settled(old(tmp_path / "a.txt"), LIMIT)
    assert data == b"Gas flows."
    assert fingerprint == Fingerprint(10, 1_000_000_000, hashlib.sha256(b"Gas flows.").hexdigest())
    with pytest.raises(DocumentError, match="has 10 bytes or more; at most 9"):
        read_settled(tmp_path / "a.txt", 9)


def test_a_file_name_that_is_not_valid_utf8_is_escaped(tmp_path: Path) -> None:
    old(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")))
    assert [state.name for state in scan(tmp_path)] == [f"{tmp_path}/\\xff.txt"]
