"""Loading: files and uploads become documents, and every error names its file."""

import io
import os
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from corpus.document import version_of
from corpus.errors import DocumentError
from corpus.formats.clean import clean_text
from corpus.limits import ParseLimits
from corpus.load import (
    SUPPORTED,
    TEXT_SUFFIXES,
    file_id,
    find_files,
    parse_document,
    read_document,
)
from corpus.unread import MAX_UNREAD, UnreadFiles

LIMIT = 1_000_000
ROOT = Path(__file__).parent.parent


def pdf(text: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(72, 700, text)
    canvas.save()
    return file.getvalue()


def write(path: Path, data: bytes | str = "The line carries 38 bcm.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_file_becomes_a_document(tmp_path: Path) -> None:
    path = write(
        tmp_path / "gas.md",
        "---\ntitle: Gas\ndate: 2025-11-07\ntags: b, a\nurl: http://x\n---\nText\r\nhere.",
    )
    document = read_document(path, document_id="gas.md", max_bytes=LIMIT)
    assert (document.id, document.title, document.text) == ("gas.md", "Gas", "Text here.")
    assert (document.published, document.tags, document.url) == (
        date(2025, 11, 7),
        ("a", "b"),
        "http://x",
    )
    assert document.version == version_of("Text here.")


def test_an_upload_and_a_file_give_the_same_document(tmp_path: Path) -> None:
    for name, data in (
        ("a.txt", b"Caf\xe9 \x80 5\r\n"),
        ("a.pdf", pdf("The line.")),
        ("a.html", b"<h1>A</h1><p>b</p>"),
    ):
        path = write(tmp_path / name, data)
        assert read_document(path, document_id=name, max_bytes=LIMIT) == parse_document(
            name, data, limits=ParseLimits(LIMIT)
        )


def test_a_paged_document_has_the_offsets_of_its_pages() -> None:
    document = parse_document("a.pdf", pdf("The line."), limits=ParseLimits(LIMIT))
    assert [(page.number, page.start, page.end) for page in document.pages] == [(1, 0, 9)]
    assert document.page_of(4) == 1


def test_the_id_in_the_front_matter_takes_precedence() -> None:
    data = b"---\nid: own\n---\nText."
    assert parse_document("a.md", data, document_id="given", limits=ParseLimits(LIMIT)).id == "own"
    assert (
        parse_document("a.md", b"Text.", document_id="given", limits=ParseLimits(LIMIT)).id
        == "given"
    )
    assert parse_document("a.md", b"Text.", limits=ParseLimits(LIMIT)).id == "a.md"


def test_given_tags_are_added_to_those_of_the_file() -> None:
    document = parse_document(
        "a.md", b"---\ntags: b\n---\nText.", tags=["a", "b"], limits=ParseLimits(LIMIT)
    )
    assert document.tags == ("a", "b")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "is empty"),
        ("a.pdf", b"", "is empty"),
        ("a.docx", b"", "is empty"),
        ("a.txt", b" \r\n\t\n", "has no text in it"),
        ("a.txt", b"\xef\xbb\xbf", "has no text in it"),
        ("a.md", b"---\ntitle: A\n---\n\n", "has no text in it"),
        ("a.txt", b"a\x00b", "is not text"),
        ("a.md", b"\x89PNG\r\n\x1a\n\x00", "is not text"),
        ("a.pdf", b"garbage", "is not a PDF, or is damaged"),
        ("a.docx", b"garbage", "is not a docx file, or is damaged"),
        ("a.xlsx", b"garbage", "is not an xlsx file, or is damaged"),
        ("a.zip", b"PK\x03\x04", "has the suffix .zip, which is not supported; .txt, .text, .md"),
        ("a.doc", b"\xd0\xcf\x11\xe1", "is not a doc file, or is damaged"),
        ("a.md", b"---\ntags: [" + b"t" * 101 + b"]\n---\nText.", "the tag has 101 characters"),
        ("x" * 201 + ".txt", b"Text.", "the id has 205 characters"),
        ("a\x01.txt", b"Text.", "the id contains a control character"),
        ("a\udc80.txt", b"Text.", "the id contains an unpaired surrogate"),
    ],
)
def test_bad_bytes_are_refused_with_the_name_and_the_reason(
    name: str, data: bytes, reason: str
) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        parse_document(name, data, limits=ParseLimits(LIMIT))
    assert caught.value.source == name.replace("\udc80", "?")
    assert str(caught.value).encode()


@pytest.mark.parametrize("suffix", SUPPORTED)
def test_every_format_refuses_random_bytes(suffix: str) -> None:
    for data in (
        b"\x00\xff\xfe" * 50,
        bytes(range(256)) * 8,
        b"PK\x03\x04\x00\x00",
        b"%PDF-1.4\x00\x00",
    ):
        with pytest.raises(DocumentError):
            parse_document(f"a{suffix}", data, limits=ParseLimits(LIMIT))


TEXT_FORMATS = {
    ".txt": "*as* <b>it</b> is",
    ".text": "*as* <b>it</b> is",
    ".md": "as it is",
    ".markdown": "as it is",
    ".html": "*as* it is",
    ".htm": "*as* it is",
    ".xhtml": "*as* it is",
    ".mdx": "as it is",
    ".rst": "as <b>it</b> is",
    ".csv": "*as* <b>it</b> is",
    ".json": "*as* <b>it</b> is",
    ".jsonl": "*as* <b>it</b> is",
    ".ndjson": "*as* <b>it</b> is",
    ".tsv": "*as* <b>it</b> is",
}
"""What each format makes of ``*as* <b>it</b> is``."""

BINARY_FORMATS = {
    ".pdf": "a PDF",
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), "a docx file"),
    **dict.fromkeys((".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm"), "a pptx file"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), "an xlsx file"),
    ".epub": "an epub file",
    **{f".{suffix}": f"an {suffix} file" for suffix in ("odt", "ods", "odp")},
    **{f".{suffix}": f"a {suffix} file" for suffix in ("doc", "ppt")},
    ".xls": "an xls file",
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff"), "a picture"),
    ".eml": "an e-mail",
    ".msg": "an msg file",
    ".rtf": "an rtf file",
}
"""What each format says that other bytes are not."""


@pytest.mark.parametrize("suffix", SUPPORTED)
def test_each_suffix_selects_its_format(suffix: str) -> None:
    if suffix in TEXT_FORMATS:
        document = parse_document(f"a{suffix}", b"*as* <b>it</b> is", limits=ParseLimits(LIMIT))
        assert document.text == TEXT_FORMATS[suffix]
    else:
        reason = f"is not {BINARY_FORMATS[suffix]}, or is damaged"
        with pytest.raises(DocumentError, match=reason):
            parse_document(f"a{suffix}", b"*as* <b>it</b> is", limits=ParseLimits(LIMIT))


def test_suffixes_may_be_upper_case() -> None:
    assert parse_document("A.PDF", pdf("The line."), limits=ParseLimits(LIMIT)).text == "The line."
    assert parse_document("A.Md", b"# *Head*", limits=ParseLimits(LIMIT)).text == "# Head"


@pytest.mark.parametrize("suffix", sorted(TEXT_SUFFIXES))
def test_a_text_under_another_suffix_is_read_as_text(suffix: str) -> None:
    assert (
        parse_document(f"notes{suffix}", b"*as* <it> is", limits=ParseLimits(LIMIT)).text
        == "*as* <it> is"
    )


def test_the_stored_text_is_clean_whatever_the_format() -> None:
    raw = "One\u00a0two\u00ad three."
    html = f"<p>{raw}</p><p>&nbsp;four&shy;teen&#xFEFF;</p>"
    for name, data in (("a.txt", raw), ("a.md", raw + "\n\n&nbsp;four&shy;teen"), ("a.html", html)):
        text = parse_document(name, data.encode(), limits=ParseLimits(LIMIT)).text
        assert text.startswith("One two three.")
        assert text == clean_text(text)


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.txt"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte, which could not be read
    with pytest.raises(
        DocumentError, match="has 1,099,511,627,776 bytes or more; at most 1,000,000 are allowed"
    ):
        read_document(path, max_bytes=LIMIT)


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "x" * 10)
    assert read_document(path, max_bytes=10).text == "x" * 10
    assert parse_document("a.txt", b"x" * 10, limits=ParseLimits(10)).text == "x" * 10
    with pytest.raises(DocumentError, match="at most 9 are allowed"):
        read_document(path, max_bytes=9)
    with pytest.raises(DocumentError, match="at most 9 are allowed"):
        parse_document("a.txt", b"x" * 10, limits=ParseLimits(9))


def test_a_path_that_is_not_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "broken.txt").symlink_to(tmp_path / "gone")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    for name, reason in (
        ("folder.txt", "is a folder, not a file"),
        ("broken.txt", "is a link to a file that does not exist"),
        ("loop.txt", "cannot be read"),
        ("pipe.txt", "is not an ordinary file"),
        ("gone.txt", "does not exist"),
        ("x" * 300 + ".txt", "cannot be read: File name too long"),
    ):
        with pytest.raises(DocumentError, match=reason) as caught:
            read_document(tmp_path / name, max_bytes=LIMIT)
        assert caught.value.source == str(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt")
    path.chmod(0)
    with pytest.raises(DocumentError, match="this user has no permission to read it"):
        read_document(path, max_bytes=LIMIT)


def test_a_permission_error_has_a_plain_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a.txt")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DocumentError, match="this user has no permission to read it"):
        read_document(path, max_bytes=LIMIT)


def test_a_name_that_is_not_valid_utf8_can_be_printed(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    with pytest.raises(DocumentError, match="does not exist") as caught:
        read_document(path, max_bytes=LIMIT)
    assert str(caught.value).encode().endswith(b"caf\\xe9.txt: does not exist")


def test_folders_are_walked_in_order_without_hidden_and_unsupported_files(here: Path) -> None:
    for name in (
        "b/z.txt",
        "b/a.PDF",
        "a.md",
        ".hidden.txt",
        ".git/x.txt",
        "b/.secret/x.md",
        "c.zip",
        "notes",
        "d.log",
    ):
        write(here / name)
    (here / "b/link").symlink_to(here)
    found = list(find_files([here]))
    assert [file.document_id for file in found] == ["a.md", "b/a.PDF", "b/z.txt"]
    assert [file.path for file in found] == [here / file.document_id for file in found]


def test_what_a_folder_holds_and_is_not_read_is_listed_with_the_reason(here: Path) -> None:
    for name in ("a.txt", ".hidden.xyz", "~$b.docx", "b/c.XYZ", "b/notes", "d.log"):
        write(here / name)
    (here / "e").symlink_to(here)
    unread = UnreadFiles()
    assert [file.document_id for file in find_files([here], unread=unread)] == ["a.txt"]
    assert unread.count == 4
    assert [(file.name.removeprefix(f"{here}/"), file.reason) for file in unread.files] == [
        ("b/c.XYZ", "has the suffix .xyz, which is not supported"),
        ("b/notes", "has no suffix; name the file itself to add it as plain text"),
        ("d.log", "has the suffix .log; name the file itself to add it as plain text"),
        ("e", "is a link to a folder, and these are not followed"),
    ]


def test_the_list_of_unread_files_is_bounded_and_their_number_is_not(here: Path) -> None:
    for number in range(MAX_UNREAD + 5):
        write(here / f"{number:03}.xyz")
    unread = UnreadFiles()
    assert list(find_files([here], unread=unread)) == []
    assert (unread.count, len(unread.files)) == (MAX_UNREAD + 5, MAX_UNREAD)
    assert unread.files[0].name == str(here / "000.xyz")


def test_a_path_that_is_too_long_for_the_system_is_listed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "x" * 200
    for _ in range(25):
        Path(name).mkdir()
        monkeypatch.chdir(name)
    Path("deep.txt").write_text("It rains.")
    monkeypatch.chdir(here)
    unread = UnreadFiles()
    assert list(find_files([here], unread=unread)) == []
    assert [file.reason for file in unread.files] == ["has a longer path than this system allows"]


def test_the_order_does_not_depend_on_the_disk(here: Path) -> None:
    names = [f"{number * 7 % 23:02}.txt" for number in range(23)]
    for name in names:
        write(here / name)
    assert [file.document_id for file in find_files([here])] == sorted(names)


def test_a_broken_link_in_a_folder_is_returned_so_that_it_is_reported(here: Path) -> None:
    (here / "a.txt").symlink_to(here / "gone")
    [file] = find_files([here])
    with pytest.raises(DocumentError, match="is a link to a file that does not exist"):
        read_document(file.path, max_bytes=LIMIT)


def test_a_file_that_was_named_is_always_returned(here: Path) -> None:
    paths = [write(here / name) for name in (".hidden.txt", "c.zip", "notes")]
    assert [file.path for file in find_files([*paths, here / "gone.txt"])] == [
        *paths,
        here / "gone.txt",
    ]


def test_a_bad_path_does_not_hide_the_others(here: Path) -> None:
    good = write(here / "good.txt")
    bad = [here / ("x" * 300), here / "good.txt" / "below", here / "gone"]
    assert [file.path for file in find_files([*bad, good])] == [*bad, good]


def test_a_folder_that_cannot_be_listed_is_returned_so_that_it_is_reported(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    (here / "locked").mkdir()
    with monkeypatch.context() as locked:
        locked.setattr(Path, "iterdir", refuse)
        [file] = find_files([here / "locked"])
    assert file.path == here / "locked"
    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(DocumentError, match="this user has no permission to read it"):
        read_document(file.path, max_bytes=LIMIT)


def test_a_file_that_is_named_twice_is_returned_once(here: Path) -> None:
    path = write(here / "a/x.txt")
    (here / "a/y.txt").symlink_to(path)
    assert [
        file.document_id
        for file in find_files([here / "a/x.txt", Path("a"), Path("."), Path("a/../a/x.txt")])
    ] == ["a/x.txt"]


def test_the_id_of_a_file_in_the_current_folder_is_its_relative_path(here: Path) -> None:
    write(here / "notes/a.txt")
    for argument in (
        Path("notes"),
        Path("notes/a.txt"),
        here / "notes",
        Path("."),
        Path("../here"),
    ):
        assert [file.document_id for file in find_files([argument])] == ["notes/a.txt"]


def test_the_id_of_a_file_elsewhere_is_relative_to_the_parent_of_the_argument(here: Path) -> None:
    outside = here.parent / "shared" / "seeds"
    path = write(outside / "deep" / "x.txt")
    assert file_id(path, outside) == "seeds/deep/x.txt"
    assert [file.document_id for file in find_files([Path("../shared/seeds")])] == [
        "seeds/deep/x.txt"
    ]
    assert [file.document_id for file in find_files([Path("../shared")])] == [
        "shared/seeds/deep/x.txt"
    ]
    assert [file.document_id for file in find_files([path])] == ["deep/x.txt"]
    assert read_document(path, max_bytes=LIMIT).id == "deep/x.txt"


def test_the_id_of_a_file_in_the_root_folder_is_its_name() -> None:
    assert file_id(Path("/x.txt"), Path("/x.txt")) == "x.txt"


@pytest.mark.processes
def test_importing_the_loader_loads_no_format_library() -> None:
    heavy = (
        "oxmsg docutils trafilatura pypdfium2 lxml yaml markdown_it openpyxl charset_normalizer "
        "defusedxml".split()
    )
    program = f"import sys, corpus.load; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == "[]"


def test_a_zip_file_renamed_to_docx_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("hello.txt", "hello")
    with pytest.raises(DocumentError, match="is not a docx file, or is damaged"):
        parse_document("a.docx", file.getvalue(), limits=ParseLimits(LIMIT))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "---\nurl: 'javascript:alert(1)'\n---\nIt rains."),
        ("a.md", f"---\nurl: https://x/{'y' * 2_000}\n---\nIt rains."),
        (
            "a.html",
            "<html><head><link rel=canonical href='data:text/html,x'></head><body>It rains.</body>",
        ),
    ],
)
def test_a_file_whose_address_is_no_web_address_is_taken_without_it(name: str, text: str) -> None:
    document = parse_document(name, text.encode(), limits=ParseLimits(10_000))
    assert (document.text, document.url) == ("It rains.", None)


def test_scans_in_a_folder_are_documents_and_other_pictures_are_listed_as_unread(
    tmp_path: Path,
) -> None:
    for name in ("scan.tiff", "logo.png", "photo.JPG"):
        (tmp_path / name).write_bytes(b"x")
    unread = UnreadFiles()
    files = list(find_files([tmp_path, tmp_path / "logo.png"], unread=unread))
    assert [file.path.name for file in files] == ["scan.tiff", "logo.png"]
    assert {file.reason for file in unread.files} == {
        "is a picture; name the file itself to add the text in it"
    }


def test_a_file_whose_name_is_not_utf_8_has_an_id_that_can_be_stored(here: Path) -> None:
    write(Path(os.fsdecode(os.fsencode(here) + b"/caf\xe9.txt")))
    [file] = find_files([here])
    assert file.document_id == "caf\\xe9.txt"
    assert read_document(file.path, max_bytes=LIMIT).id == "caf\\xe9.txt"
