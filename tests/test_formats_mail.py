"""E-mails: head, body, quotations, and what is attached."""

import io
import zipfile
from datetime import date
from email.message import EmailMessage

import docx
import pytest

from corpus.blocks import BlockKind
from corpus.document import Document
from corpus.errors import DocumentError
from corpus.formats.mail import read_eml
from corpus.load import parse_document


def mail(body: str = "It rains.", **heads: str) -> EmailMessage:
    message = EmailMessage()
    stated = {"Subject": "Weather", "From": "Ann <ann@example.org>", "To": "bob@example.org"}
    for name, value in (stated | {"Date": "Fri, 7 Nov 2025 10:00:00 +0100"} | heads).items():
        message[name] = value
    message.set_content(body)
    return message


def read(message: EmailMessage) -> Document:
    return parse_document("a.eml", message.as_bytes())


def of_kind(document: Document, kind: BlockKind) -> list[str]:
    return [document.text[each.start : each.end] for each in document.blocks if each.kind is kind]


def test_an_email_has_its_subject_as_title_and_its_head_as_fields() -> None:
    document = read(mail(Cc="Ä. Öl <oel@example.org>"))
    assert document.text == (
        "# Weather\n\nFrom: Ann <ann@example.org>\nTo: bob@example.org\n"
        "Cc: Ä. Öl <oel@example.org>\nDate: Fri, 07 Nov 2025 10:00:00 +0100\n\nIt rains."
    )
    assert document.title == "Weather"
    assert document.published == date(2025, 11, 7)
    assert of_kind(document, BlockKind.FIELD)[0] == "From: Ann <ann@example.org>"


def test_quoted_lines_are_quotations_without_their_marks_and_a_signature_stays() -> None:
    document = read(
        mail("Yes, at noon.\n\n> Shall we meet?\n> > Today or later?\n\n-- \nAnn, Bonn")
    )
    assert of_kind(document, BlockKind.QUOTATION) == ["Shall we meet?\nToday or later?"]
    assert "\n>" not in document.text
    assert document.text.endswith("Ann, Bonn")


def test_an_html_body_keeps_its_lists() -> None:
    message = mail("- Tea\n- Salt")
    message.add_alternative("<p>Buy:</p><ul><li>Tea</li><li>Salt</li></ul>", subtype="html")
    assert of_kind(read(message), BlockKind.LIST_ITEM) == ["Tea", "Salt"]


def test_a_plain_body_is_taken_where_the_html_one_leaves_words_out() -> None:
    message = mail("The whole story is told here, with every word of it.")
    message.add_alternative("<p>View online</p>", subtype="html")
    assert "every word of it" in read(message).text


def test_attached_files_follow_under_their_names() -> None:
    file = io.BytesIO()
    word = docx.Document()
    word.add_paragraph("The fence is green.")
    word.save(file)
    message = mail()
    message.add_attachment(
        file.getvalue(), maintype="application", subtype="octet-stream", filename="Fence.docx"
    )
    message.add_attachment("Name;Age\nAnn;33\n", subtype="csv", filename="ages.csv")
    document = read(message)
    assert document.text.endswith(
        "It rains.\n\n# Fence.docx\n\nThe fence is green.\n\n# ages.csv\n\nName | Age\nAnn | 33"
    )
    assert document.notes == ()


def test_what_cannot_be_read_is_named_in_the_notes() -> None:
    message = mail()
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png")
    message.add_attachment(b"PK", maintype="application", subtype="zip", filename="all.zip")
    message.add_attachment(b"PK", maintype="application", subtype="x", filename="b.docx")
    notes = read(message).notes
    assert notes[0] == "The picture logo.png is left out."
    assert notes[1].startswith("The attachment all.zip has the suffix .zip, which is not supported")
    assert notes[2] == "The attachment b.docx is not a docx file, or is damaged."


def test_attached_emails_are_read_too() -> None:
    outer = mail("See below.")
    outer.add_attachment(mail("The gate is open.", Subject="Gate"))
    text = read(outer).text
    assert text.index("# Gate.eml") < text.index("The gate is open.")


def test_emails_attached_to_emails_end_at_a_depth_with_a_note() -> None:
    message = mail("Level 0.")
    for level in range(1, 9):
        outer = mail(f"Level {level}.")
        outer.add_attachment(message)
        message = outer
    document = read(message)
    assert "Level 3." in document.text
    assert "Level 2." not in document.text
    assert "attached too deeply" in document.notes[-1]


def test_parts_a_thousand_deep_are_refused() -> None:
    head = b"Subject: x\nMIME-Version: 1.0\n"
    parts = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1_500)
    )
    with pytest.raises(DocumentError):
        parse_document("a.eml", head + parts + b"\nDeep.\n")


def test_a_zip_bomb_in_an_email_costs_only_itself() -> None:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package,
        package.open("word/document.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(600):
            part.write(b" " * (1 << 20))
    message = mail()
    message.add_attachment(
        file.getvalue(), maintype="application", subtype="x", filename="bomb.docx"
    )
    document = read(message)
    assert document.text.endswith("It rains.")
    assert "bomb.docx unpacks to 600 MiB" in document.notes[0]


@pytest.mark.parametrize(
    "heads",
    [
        b"Subject: =?utf-8?q?broken?\nDate: yesterday\nFrom: \n",
        b"Subject: =?nonsense?b?AAAA?=\nTo: ,,<<>>;\nContent-Type: text/plain; charset=unheard\n",
        b"Subject: \xff\xfe\nContent-Type: ;;;\nContent-Transfer-Encoding: base65\n",
    ],
)
def test_odd_heads_refuse_no_email(heads: bytes) -> None:
    assert "It rains." in read_eml("a.eml", heads + b"\nIt rains.\n").text


def test_a_text_is_no_email() -> None:
    with pytest.raises(DocumentError, match="is not an e-mail"):
        read_eml("a.eml", b"Just some words.\n")
