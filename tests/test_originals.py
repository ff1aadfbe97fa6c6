"""The files that documents were read from: kept, counted, shown, deleted."""

import asyncio
import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from corpus.content import FileContent
from corpus.document import Document, make_document
from corpus.errors import DocumentError, StoreError
from corpus.limits import ParseLimits
from corpus.load import PageTask, find_files
from corpus.pool import ParserPool
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.outcome import FileOutcome
from index.store import tables
from service.answering.service import AnswerService
from service.answering.storage import APPLICATION_DATA
from service.http.app import create_app
from service.mirror.sync import Mirror
from service.reader.passage import PassageReader
from service.settings import Settings

LIMITS = ParseLimits(1_000_000)
NORTH, SOUTH = b"The north gate is locked at nine.", b"The south gate is locked at ten."
PATH = "/v1/documents"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def kept(folder: Path) -> set[str]:
    """The names of the files in the folder of the kept files."""
    return {path.name for path in (folder / "originals").rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for documents, which is the current one."""
    folder = tmp_path / "papers"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def collection(tmp_path: Path, encoder: Encoder) -> Iterator[Collection]:
    with Collection(
        tmp_path / "data", encoder, writable=True, application=APPLICATION_DATA
    ) as collection:
        yield collection


def add(collection: Collection, *paths: Path, workers: int = 0) -> list[FileOutcome]:
    with ParserPool(workers, LIMITS) as pool:
        return list(collection.put_files(pool.parse(find_files(paths))))


def test_the_file_of_a_document_is_kept_until_its_last_document_is_removed(
    collection: Collection, folder: Path
) -> None:
    (folder / "north.txt").write_bytes(NORTH)
    (folder / "copy.txt").write_bytes(NORTH)
    add(collection, folder)
    assert kept(collection.folder) == {digest(NORTH)}
    assert collection.originals.path(digest(NORTH)).read_bytes() == NORTH
    document = collection.store.document("north.txt")
    assert (document.file_name, document.media_type) == ("north.txt", "text/plain")
    assert document.original == digest(NORTH)
    collection.remove(["copy.txt"])
    assert kept(collection.folder) == {digest(NORTH)}
    collection.remove(["north.txt"])
    assert kept(collection.folder) == set()


@pytest.mark.processes
def test_a_file_that_a_process_parsed_is_kept(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "north.txt").write_bytes(NORTH)
    add(collection, tmp_path / "north.txt", workers=1)
    assert kept(collection.folder) == {digest(NORTH)}


def test_the_file_of_a_former_version_is_kept_as_long_as_the_version(
    tmp_path: Path, encoder: Encoder, folder: Path
) -> None:
    file = folder / "gate.txt"
    with Collection(tmp_path / "data", encoder, writable=True, keep_versions=1) as collection:
        for text in (NORTH, SOUTH, b"There is no gate."):
            file.write_bytes(text)
            add(collection, file)
        assert kept(collection.folder) == {digest(SOUTH), digest(b"There is no gate.")}
        assert collection.verify() == []


def test_other_bytes_with_the_same_text_replace_the_kept_file(
    collection: Collection, folder: Path
) -> None:
    file = folder / "gate.txt"
    for data in (NORTH, NORTH + b"\n\n"):
        file.write_bytes(data)
        add(collection, file)
    assert kept(collection.folder) == {digest(NORTH + b"\n\n")}


def test_the_files_of_a_synced_folder_follow_it(collection: Collection, folder: Path) -> None:
    mirror = Mirror(collection, folder)

    def sync(**options: bool) -> None:
        with ParserPool(0, LIMITS) as pool:
            list(mirror.carry_out(mirror.plan(**options), pool))

    (folder / "north.txt").write_bytes(NORTH)
    sync()
    assert kept(collection.folder) == {digest(NORTH)}
    (folder / "north.txt").rename(folder / "moved.txt")
    sync()
    assert kept(collection.folder) == {digest(NORTH)}
    assert collection.store.document("moved.txt").file_name == "moved.txt"
    (folder / "moved.txt").unlink()
    sync(allow_empty=True)
    assert kept(collection.folder) == set()


def test_the_files_of_a_folder_that_an_older_version_synced_are_read_again_once(
    collection: Collection, folder: Path
) -> None:
    (folder / "north.txt").write_bytes(NORTH)
    mirror = Mirror(collection, folder)

    def sync() -> list[str]:
        with ParserPool(0, LIMITS) as pool:
            return [outcome.status for outcome in mirror.carry_out(mirror.plan(), pool)]

    sync()
    with collection.store.database.transaction() as connection:
        connection.execute(tables.files.delete())
    assert collection.store.document("north.txt").file_name is None
    assert sync() == ["updated"]
    assert collection.store.document("north.txt").original == digest(NORTH)
    os.utime(folder / "north.txt", (1, 1))
    sync()
    assert [len(mirror.plan().pending), sync()] == [0, ["unchanged"]]


def test_nothing_is_kept_where_the_setting_says_so(
    tmp_path: Path, encoder: Encoder, folder: Path
) -> None:
    (folder / "north.txt").write_bytes(NORTH)
    with Collection(tmp_path / "data", encoder, writable=True, keep_originals=False) as collection:
        add(collection, folder)
        assert collection.store.document("north.txt").original is None
        assert collection.store.document("north.txt").file_name == "north.txt"
        assert kept(collection.folder) == set()


def test_a_file_that_changed_after_it_was_parsed_is_refused(
    collection: Collection, folder: Path
) -> None:
    file = folder / "gate.txt"
    file.write_bytes(NORTH)
    with ParserPool(0, LIMITS) as pool:
        parsed = list(pool.parse(find_files([file])))
    file.write_bytes(SOUTH)
    (outcome,) = collection.put_files(parsed)
    assert outcome.reason == "changed while it was being read; try again when it is complete"
    assert not collection.store.has_document("gate.txt")
    assert kept(collection.folder) == set()


def test_a_file_that_was_replaced_by_a_link_out_of_its_folder_is_not_kept(
    collection: Collection, folder: Path, tmp_path: Path
) -> None:
    file, secret = folder / "gate.txt", tmp_path / "secret.txt"
    secret.write_bytes(NORTH)
    file.write_bytes(NORTH)
    with ParserPool(0, LIMITS) as pool:
        parsed = list(pool.parse(find_files([folder])))
    file.unlink()
    file.symlink_to(secret)
    (outcome,) = collection.put_files(parsed)
    assert "a link leads out of the folder" in (outcome.reason or "")
    assert kept(collection.folder) == set()


def from_bytes(document_id: str, data: bytes) -> Document:
    content = FileContent.of_upload(data)
    document = make_document(data.decode(), document_id=document_id, file_name=document_id)
    fields = {name: getattr(document, name) for name in document.__dataclass_fields__}
    return Document(**(fields | {"original": content.sha256, "content": content}))


def test_a_batch_that_fails_leaves_no_file(collection: Collection) -> None:
    collection.stop()
    with pytest.raises(StoreError, match="the service is ending"):
        collection.put([from_bytes("north.txt", NORTH)])
    assert kept(collection.folder) == set()


def test_what_a_killed_process_left_is_deleted_when_the_folder_is_opened(
    tmp_path: Path, encoder: Encoder
) -> None:
    data = tmp_path / "data"
    with Collection(data, encoder, writable=True) as collection:
        collection.put([from_bytes("north.txt", NORTH)])
        collection.originals.keep(FileContent.of_upload(SOUTH))
        (data / "originals" / "half.tmp").write_bytes(b"half")
    assert kept(data) == {digest(NORTH), digest(SOUTH), "half.tmp"}
    with Collection(data, encoder, writable=False):
        assert kept(data) == {digest(NORTH), digest(SOUTH), "half.tmp"}
    with Collection(data, encoder, writable=True) as collection:
        assert kept(data) == {digest(NORTH)}
        assert collection.verify() == []


def test_a_lost_database_does_not_cost_the_kept_files(tmp_path: Path, encoder: Encoder) -> None:
    data = tmp_path / "data"
    with Collection(data, encoder, writable=True) as collection:
        collection.put([from_bytes("north.txt", NORTH)])
    for path in data.iterdir():
        if path.is_file():
            path.unlink()
    with pytest.raises(StoreError, match="database is missing"):
        Collection(data, encoder, writable=True)
    assert kept(data) == {digest(NORTH)}


def test_verifying_finds_damaged_and_missing_files(collection: Collection) -> None:
    collection.put([from_bytes("north.txt", NORTH), from_bytes("south.txt", SOUTH)])
    north, south = (collection.originals.path(digest(data)) for data in (NORTH, SOUTH))
    north.write_bytes(NORTH.replace(b"nine", b"five"))
    south.unlink()
    assert sorted(collection.verify()) == sorted(
        [f"{north}: the kept file is damaged", f"{south}: the kept file is missing"]
    )


def test_a_file_that_is_kept_is_for_its_owner_alone(collection: Collection) -> None:
    collection.put([from_bytes("north.txt", NORTH)])
    path = collection.originals.path(digest(NORTH))
    assert path.stat().st_mode & 0o077 == 0
    assert (collection.folder / "originals").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no disk that is always full")
def test_a_full_disk_is_reported_and_leaves_nothing(collection: Collection) -> None:
    content = FileContent.of_upload(NORTH)
    folder = collection.folder / "originals"
    folder.write_bytes(b"")  # no folder can be made here
    with pytest.raises(StoreError):
        collection.originals.keep(content)
    with pytest.raises(DocumentError), open("/dev/full", "wb", buffering=0) as full:
        FileContent(digest(NORTH), len(NORTH), path=folder).copy_to(full)


# -- over HTTP


class Client:
    """Asks the app without a socket."""

    def __init__(self, service: AnswerService, runner: asyncio.Runner) -> None:
        self.service = service
        app = create_app(service, Settings(threads=2), ParserPool(0, LIMITS))
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._runner = runner

    def request(self, method: str, path: str, **sent: Any) -> httpx.Response:  # what httpx takes
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url="http://127.0.0.1"
            ) as client:
                return await client.request(method, path, **sent)

        return self._runner.run(send())

    def upload(self, name: str, content: bytes, **sent: Any) -> httpx.Response:  # see above
        return self.request("POST", PATH, files=[("files", (name, content))], **sent)

    def get(self, path: str, **sent: Any) -> httpx.Response:
        return self.request("GET", f"{PATH}/{path}", **sent)


@pytest.fixture
def client(tmp_path: Path, encoder: Encoder, passages: PassageReader) -> Iterator[Client]:
    with (
        AnswerService(tmp_path / "data", encoder, passages, writable=True) as service,
        asyncio.Runner() as runner,
    ):
        yield Client(service, runner)


def test_an_original_comes_as_it_was_sent_and_no_browser_opens_it(client: Client) -> None:
    page = b"<h1>Gate</h1><p>It is locked.</p><script>alert(1)</script>"
    client.upload("tür/Größe.html", page)
    shown = client.get("tür/Größe.html").json()
    assert (shown["file_name"], shown["media_type"], shown["original"]) == (
        "Größe.html",
        "text/html",
        True,
    )
    response = client.get("tür/Größe.html/original")
    assert (response.status_code, response.content) == (200, page)
    assert response.headers["content-disposition"] == (
        "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.html"
    )
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("sandbox;")
    part = client.get("tür/Größe.html/original", headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"h1")
    known = {"If-None-Match": response.headers["etag"]}
    assert client.get("tür/Größe.html/original", headers=known).status_code == 304


def test_the_original_of_a_former_version_is_the_former_file(client: Client) -> None:
    former = client.upload("gate.txt", NORTH).json()["documents"][0]["version"]
    client.upload("gate.txt", SOUTH, data={"replace": "true"})
    assert client.get("gate.txt/original").content == SOUTH
    assert client.get(f"gate.txt/original?version={former}").content == NORTH
    assert client.get("gate.txt/original?version=other").status_code == 404


def test_a_text_has_no_original(client: Client) -> None:
    client.request("POST", PATH, json={"documents": [{"id": "a", "text": "The gate is locked."}]})
    response = client.get("a/original")
    assert (response.status_code, response.headers["content-type"]) == (
        404,
        "application/problem+json",
    )
    assert client.get("b/original").status_code == 404
    shown = client.get("a").json()
    assert (shown["file_name"], shown["original"]) == (None, False)


def test_a_document_may_have_an_id_that_ends_like_the_path_of_an_original(client: Client) -> None:
    ids = ("a/original", "a/pages/3", "a/pages/intro.md")
    texts = [{"id": each, "text": f"The gate of {each} is locked."} for each in ids]
    client.request("POST", PATH, json={"documents": texts})
    assert [client.get(each).json()["id"] for each in ids] == list(ids)


# -- pages


def pdf(*pages: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for text in pages:
        canvas.setFont("Helvetica", 12)
        for row, line in enumerate(text.splitlines()):
            canvas.drawString(72, 700 - 14 * row, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


GATES = pdf(
    "The north gate of the old town\nis locked at nine in the evening.",
    "The south gate of the old town\nis locked at ten in the evening.",
)


def pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and RGB of an image that this module's page renderer wrote."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    start = png.index(b"IDAT")
    length = int.from_bytes(png[start - 4 : start])
    rows = zlib.decompress(png[start + 4 : start + 4 + length])
    size = 1 + 3 * width
    return width, height, b"".join(rows[at + 1 : at + size] for at in range(0, len(rows), size))


def marked(png: bytes) -> tuple[float, float, float, float] | None:
    """The box of the marked pixels in points from the top left of the page, None without any."""
    width, height, colours = pixels(png)
    scale = A4[0] / width
    found = [
        divmod(at, width) for at in range(width * height) if colours[3 * at + 2] < colours[3 * at]
    ]
    if not found:
        return None
    ys, xs = zip(*found, strict=True)
    return min(xs) * scale, min(ys) * scale, max(xs) * scale, max(ys) * scale


def test_a_page_shows_the_quote_marked(client: Client) -> None:
    client.upload("gates.pdf", GATES)
    text = client.get("gates.pdf").json()["text"]
    start = text.index("locked at ten")
    response = client.get(f"gates.pdf/pages/2?highlight={start}-{start + 13}")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    box = marked(response.content)
    assert box is not None
    left, top, right, bottom = box
    assert left == pytest.approx(72 + 12, abs=4)  # after "is "
    assert right == pytest.approx(72 + 82, abs=8)
    assert top < A4[1] - 686 < bottom
    assert bottom - top < 20
    assert marked(client.get("gates.pdf/pages/2").content) is None
    whole = client.get(f"gates.pdf/pages/2?highlight={start - 40}-{start + 20}").content
    # The boxes of the two lines overlap, and no pixel is marked twice.
    colours = pixels(whole)[2]
    backgrounds = {colours[at : at + 3] for at in range(0, len(colours), 3) if colours[at] == 255}
    assert {tuple(colour) for colour in backgrounds} == {(255, 255, 255), (255, 235, 90)}
    known = {"If-None-Match": response.headers["etag"]}
    again = client.get(f"gates.pdf/pages/2?highlight={start}-{start + 13}", headers=known)
    assert again.status_code == 304


@pytest.mark.parametrize("highlight", ["", "4", "4-", "-1-4", "9-4", "a-b", "0-9", "1000-2000"])
def test_a_span_that_is_not_on_the_page_is_refused(highlight: str, client: Client) -> None:
    client.upload("gates.pdf", GATES)
    response = client.get(f"gates.pdf/pages/2?highlight={highlight}")
    assert (response.status_code, response.json()["field"]) == (422, "highlight")


def test_a_page_that_does_not_exist_is_not_found(client: Client) -> None:
    client.upload("gates.pdf", GATES)
    client.upload("gate.txt", NORTH)
    for path in ("gates.pdf/pages/3", "gate.txt/pages/1", "other.pdf/pages/1"):
        assert client.get(path).status_code == 404, path


@pytest.mark.processes
def test_a_page_is_drawn_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "gates.pdf"
    path.write_bytes(GATES)
    with ParserPool(1, LIMITS) as pool:
        drawn = pool.submit(PageTask(path, "gates.pdf", 1)).future.result(60)
        missing = pool.submit(PageTask(path, "gates.pdf", 9)).future.result(60)
        path.write_bytes(b"%PDF-1.4 garbage")
        damaged = pool.submit(PageTask(path, "gates.pdf", 1)).future.result(60)
    assert drawn.image is not None
    assert pixels(drawn.image)[:2] == (1042, 1474)
    assert (missing.image, missing.error) == (None, None)
    assert damaged.error is not None


# -- uploads of one name


def test_a_file_of_the_same_name_replaces_a_document_only_when_asked(client: Client) -> None:
    assert client.upload("report.txt", NORTH).status_code == 200
    assert client.upload("report.txt", NORTH).json()["documents"][0]["status"] == "unchanged"
    refused = client.upload("report.txt", SOUTH)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:quoth:problem:conflict")
    assert "replace=true" in refused.json()["detail"]
    assert client.get("report.txt").json()["text"] == NORTH.decode()
    assert client.upload("south/report.txt", SOUTH).status_code == 200
    assert client.get("report.txt").json()["text"] == NORTH.decode()
    asked = client.upload("report.txt", SOUTH, data={"replace": "true"})
    assert asked.json()["documents"][0]["status"] == "updated"
    assert client.upload("a.txt", SOUTH, data={"replace": "yes"}).status_code == 422


def test_an_id_in_front_matter_means_the_document(client: Client) -> None:
    for text in ("The gate is locked.", "The gate is open."):
        note = f"---\nid: gate\n---\n{text}".encode()
        assert client.upload("note.md", note).status_code == 200
    assert client.get("gate").json()["text"] == "The gate is open."
