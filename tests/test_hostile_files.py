"""Files that are made to cost much are read or refused with a reason, and the next file is read."""

import pytest

from corpus.errors import DocumentError
from corpus.limits import ParseLimits
from corpus.load import UploadTask, parse_document
from corpus.pool import ParserPool
from eval.robustness.hostile import hostile_files, package

SMALL = dict(hostile_files(small=True))


@pytest.mark.processes
def test_a_hostile_file_is_read_or_refused_with_a_reason_and_costs_no_other_file() -> None:
    limits = ParseLimits(memory_bytes=300_000_000, seconds=1)
    tasks = [UploadTask(name, data) for name, data in SMALL.items()]
    with ParserPool(1, limits) as pool:
        results = list(pool.parse([*tasks, UploadTask("last.txt", b"Gas flows.")]))
    assert results[-1].required_document().text == "Gas flows."
    for result in results[:-1]:
        if result.error is None:
            assert result.document is not None
            assert len(result.document.text) <= max(500_000, 20 * len(SMALL[result.source]))
        else:
            # A reason that names an exception would be a bug.
            assert "cannot be parsed" not in result.error.reason, result.error


def test_a_number_beyond_all_bounds_is_no_bug() -> None:
    data = b"<ol start=" + b"9" * 5_000 + b"><li>Gas flows.</ol>"
    assert parse_document("a.html", data).text == "1. Gas flows."


def test_a_file_with_far_more_text_than_bytes_is_refused() -> None:
    page = b"<html><body>" + b"<p>Gas flows.</p>" * 60_000 + b"</body></html>"
    opf = (
        b'<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="a.html"/>'
        b'</manifest><spine><itemref idref="a"/></spine></package>'
    )
    container = b'<container><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>'
    data = package({"META-INF/container.xml": container, "a.opf": opf, "a.html": page})
    with pytest.raises(DocumentError, match="more than 20 times the size of the file"):
        parse_document("a.epub", data)
