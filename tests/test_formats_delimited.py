"""Delimited text: delimiters, quotes, heads and encodings."""

import pytest

from corpus.blocks import BlockKind
from corpus.errors import DocumentError
from corpus.formats.delimited import read_csv, read_tsv
from corpus.formats.extracted import Extracted


def heads(extracted: Extracted) -> list[str]:
    return [
        extracted.text[block.start : block.end]
        for block in extracted.blocks
        if block.kind is BlockKind.ROW and block.is_head
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_divides_the_rows_evenly(delimiter: str) -> None:
    rows = [["Fruit", "Price"], ["Apples, red", "1.50"], ["Pears; green", "2.50"]]
    quoted = (delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    extracted = read_csv("a.csv", "\n".join(quoted).encode())
    assert extracted.text == "Fruit | Price\nApples, red | 1.50\nPears; green | 2.50"
    assert heads(extracted) == ["Fruit | Price"]
    assert extracted.title == "a"


def test_decimal_commas_do_not_divide_the_cells_between_semicolons() -> None:
    extracted = read_csv("a.csv", b"Name;Weight\nBolt;1,50\nNut;0,25\n")
    assert extracted.text == "Name | Weight\nBolt | 1,50\nNut | 0,25"


def text_of(data: bytes) -> str:
    return read_csv("a.csv", data).text


def test_decimal_commas_in_each_cell_do_not_divide_them() -> None:
    assert text_of(b"1,5;2,5;3\n3,5;4,5;4\n") == "1,5 | 2,5 | 3\n3,5 | 4,5 | 4"
    text = '"Part";"Price, net";"Price, gross"\n"Wheel, front";10,50;12,50\n'
    assert text_of(text.encode()) == (
        "Part | Price, net | Price, gross\nWheel, front | 10,50 | 12,50"
    )


def test_few_umlauts_are_not_taken_for_chinese() -> None:
    text = "Ort;Preis\nKöln;1.234,50\nBonn Süd;2,00\n"
    assert text_of(text.encode("cp1252")) == "Ort | Preis\nKöln | 1.234,50\nBonn Süd | 2,00"


def test_the_delimiter_that_excel_names_is_taken() -> None:
    assert read_csv("a.csv", b"sep=;\r\na;b,c,d\r\n1;2,3,4\r\n").text == "a | b,c,d\n1 | 2,3,4"


def test_a_quoted_cell_may_have_several_lines_and_quotes() -> None:
    extracted = read_csv("a.csv", b'Key,Note\r\n1,"first\r\nsecond, ""third"""\r\n')
    assert extracted.text == 'Key | Note\n1 | first second, "third"'


def test_a_mark_that_is_never_closed_does_not_swallow_the_rows_after_it() -> None:
    rows = "\n".join(f"rod {number},{number}" for number in range(100))
    extracted = read_csv("a.csv", f'size,count\n"5 inch,7\n{rows}\n'.encode())
    assert '"5 inch | 7\nrod 0 | 0\n' in extracted.text
    assert extracted.text.endswith("rod 99 | 99")


def test_ragged_rows_are_kept_as_they_are() -> None:
    assert read_csv("a.csv", b"a,b,c\n1\n1,2,3,4\n").text == "a | b | c\n1\n1 | 2 | 3 | 4"


def test_a_title_over_the_table_is_no_head_and_years_are_one() -> None:
    extracted = read_csv("a.csv", b"Sales\n\nRegion,2022,2023\nNorth,12,13\nSouth,14,15\n")
    assert extracted.text.startswith("Sales\nRegion | 2022 | 2023\n")
    assert heads(extracted) == ["Region | 2022 | 2023"]


def test_a_list_of_words_and_years_has_no_head() -> None:
    assert heads(read_csv("a.csv", b"Bonn,1999\nRome,2001\nOslo,2004\n")) == []


def test_other_encodings_and_line_ends_are_read() -> None:
    text = "Gr\u00f6\u00dfe;Stra\u00dfe\rklein;\u00c4pfel\r"
    for encoding in ("cp1252", "utf-8-sig", "utf-16"):
        extracted = read_csv("a.csv", text.encode(encoding))
        assert extracted.text == "Gr\u00f6\u00dfe | Stra\u00dfe\nklein | \u00c4pfel"


def test_tabs_divide_a_tsv_whatever_else_its_cells_hold() -> None:
    assert read_tsv("a.tsv", b"a, b, c\td\n1, 2, 3\t4\n").text == "a, b, c | d\n1, 2, 3 | 4"


def test_a_file_of_one_endless_line_is_refused() -> None:
    with pytest.raises(DocumentError, match="a cell of more than 1,000,000 characters"):
        read_csv("a.csv", b"x" * 2_000_000)


def test_cells_of_many_spaces_take_no_time() -> None:
    data = (b"(" + b" " * 500_000 + b"x,") * 4
    assert read_csv("a.csv", data).text == "( x | ( x | ( x | ( x"
