"""HTML: the main text with its headings, and the metadata of the page."""

from datetime import date

import pytest

from corpus.errors import DocumentError
from corpus.formats.html import page_prose, read_html
from corpus.limits import ParseLimits
from corpus.load import parse_document

ARTICLE = """<!doctype html>
<html><head><title>Gas grows | News</title><meta charset="utf-8">
<meta property="article:published_time" content="2025-11-07T10:00:00Z">
<link rel="canonical" href="https://example.org/gas">
<script>var tracker = 1;</script><style>p { color: red }</style></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>
<main><article><h1>Gas grows</h1>
<p>The <b>pipeline</b> carries <a href="/line">38 billion m<sup>3</sup></a> of gas a year,
said the operator
on Friday, and it is <em>nearly</em> full.<sup><a href="#n3">3</a></sup></p>
<h2>What happens <b>next</b></h2>
<p>A second pipeline is being negotiated, which would join western fields to the northern
border, and double all.</p>
<ul><li>First point of the list</li><li>Second point of the list</li></ul>
<table><tr><th>Year</th><th>Volume</th></tr><tr><td>2024</td><td>31</td></tr></table>
<blockquote>This is a strategic choice, and we shall hold to it for as long as it
takes.</blockquote>
<script>document.write("advert")</script></article></main>
<footer>Copyright 2020 News</footer></body></html>"""


def test_the_main_text_of_a_page_has_headings_and_no_markup() -> None:
    assert read_html("a.html", ARTICLE.encode()).text == "\n\n".join(
        [
            "# Gas grows",
            "The pipeline carries 38 billion m³ of gas a year, said the operator on Friday, "
            "and it is nearly full.",
            "## What happens next",
            "A second pipeline is being negotiated, which would join western fields to the "
            "northern border, "
            "and double all.",
            "- First point of the list\n- Second point of the list",
            "Year | Volume\n2024 | 31",
            "This is a strategic choice, and we shall hold to it for as long as it takes.",
        ]
    )


def test_a_page_states_its_title_date_and_address() -> None:
    extracted = read_html("a.html", ARTICLE.encode())
    assert extracted.title == "Gas grows"
    assert extracted.published == date(2025, 11, 7)
    assert extracted.url == "https://example.org/gas"


def test_a_short_page_is_taken_whole() -> None:
    page = (
        "<html><head><title>Hi there</title></head><body><h2>Hi</h2><p>Short <b>and</b> "
        "good.</p><p>38<p>44</body>"
    )
    extracted = read_html("a.html", page.encode())
    assert extracted.text == "## Hi\n\nShort and good.\n\n38\n\n44"


@pytest.mark.parametrize(
    "page", ["Just words.", "<p>Just words.", "<body>Just words.", "<div>Just <i>words</i>."]
)
def test_a_page_of_a_few_words_is_read(page: str) -> None:
    assert read_html("a.html", page.encode()).text == "Just words."


def test_a_date_in_the_text_is_not_the_date_of_the_page() -> None:
    page = (
        "<html><body><h1>History</h1><p>Copyright 2020. On 7 November 2019 the line was "
        "opened.</p></body></html>"
    )
    assert read_html("a.html", page.encode()).published is None


@pytest.mark.parametrize(
    "data", [b"<html><body></body></html>", b"<html>", b"<script>x = 1</script>", b"<!-- x -->"]
)
def test_a_page_without_text_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match="has no text in it"):
        parse_document("a.html", data, limits=ParseLimits(1_000))


def test_binary_data_named_html_is_refused() -> None:
    with pytest.raises(DocumentError, match="is not text"):
        read_html("a.html", b"\x00\x01\x02<html>")


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="iso-8859-5"?>', "iso-8859-5"),
        ("", "utf-16"),
        ('<meta charset="windows-1251">', "utf-8-sig"),
        ('<meta charset="no-such-thing">', "utf-8"),
        ('<meta charset="ascii">', "utf-8"),
        ('<meta charset="windows-1251">', "utf-8"),
        ("", "cp1251"),
    ],
)
def test_a_page_is_read_in_its_encoding(declaration: str, encoding: str) -> None:
    sentence = "Россия и Китай подписали соглашение о поставках газа на тридцать лет."
    page = f"{declaration}<html><head></head><body><p>{sentence}</p></body></html>"
    data = page.encode(encoding)
    assert read_html("a.html", data).text == sentence


def test_a_seven_bit_encoding_is_read_where_it_is_declared() -> None:
    data = '<meta charset="iso-2022-jp"><p>日本語の文章です。</p>'.encode("iso-2022-jp")
    assert read_html("a.html", data).text == "日本語の文章です。"


@pytest.mark.parametrize("text", ["Gas flows.", "Oil flows!!"])
def test_a_page_that_can_be_read_as_ascii_is_not_utf16(text: str) -> None:
    # One of the two pages has an even number of bytes, so that it is valid UTF-16.
    data = f'<meta charset="utf-16"><p>{text}</p>'.encode()
    assert read_html("a.html", data).text == text


def test_latin_pages_are_decoded_as_in_browsers() -> None:
    data = '<meta charset="iso-8859-1"><p>It costs “5 €”.</p>'.encode("cp1252")
    assert read_html("a.html", data).text == "It costs “5 €”."


def test_hidden_content_is_not_text() -> None:
    page = (
        "<body><form><label>Name</label><input></form><p hidden>secret</p><noscript>turn "
        "on</noscript><p>shown</p>"
        "<template><p>later</p></template><!-- comment --><svg><text>drawn</text></svg></body>"
    )
    assert page_prose(page).text == "shown"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a<br>b<br/><br/>c</p>", "a\nb\nc"),
        ("<p>one\n  two&nbsp;three</p>", "one two three"),
        ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc"),
        ("<ol start='3'><li>a<ul><li>b</li></ul></li><li>c</li></ol>", "3. a\n  - b\n4. c"),
        ("<table><tr><td><p>a</p></td></tr><tr><td>b</td></tr></table>", "a\n\nb"),
        (
            "<table><caption>C</caption><tr><td></td><td>b</td></tr><tr><td></td></tr></table>",
            "C\n\nb",
        ),
        (
            "<table><tr><td>a<table><tr><td>x</td><td>y</td></tr></table></td><td>b</td></tr>"
            "</table>",
            "a; x y | b",
        ),
        ("<dl><dt>a</dt><dd>b</dd></dl>", "a: b"),
        ("<p>It grew by 38<sup>[3]</sup> % a year.<sup>†</sup></p>", "It grew by 38 % a year."),
        ("<p>10<sup>−3</sup>, 10<sup>-4</sup>, 10<sup>+5</sup></p>", "10⁻³, 10⁻⁴, 10⁺⁵"),
        ("<p>The 1<sup>st</sup> line.<sup>12</sup></p>", "The 1st line."),
        ("<h1></h1><h3>  A <a href='#'>B</a> </h3>", "### A B"),
        ("<pre>a\n  b\n\n# c</pre>", "    a\n      b\n\n    # c"),
        ("<details><summary>s</summary>t</details>", "s: t"),
    ],
)
def test_blocks_are_written_as_plain_text(markup: str, text: str) -> None:
    assert page_prose(markup).text == text


def test_permalink_marks_are_left_out_of_headings() -> None:
    assert (
        page_prose("<h2>Contents<a href='#c'>¶</a></h2><h2>C#</h2>").text == "## Contents\n\n## C#"
    )


def test_code_of_several_lines_keeps_its_lines() -> None:
    assert (
        page_prose("<div><code><span>try</span>:\n    go()</code></div>").text
        == "    try:\n        go()"
    )
    assert page_prose("<p>call <code>go\nto</code> it</p>").text == "call go to it"


def test_every_item_of_a_nested_list_is_a_block_without_its_mark() -> None:
    markup = "<ul><li>rope<ul><li>hook</li><li>latch</li></ul></li><li>one<p>two</p></li></ul>"
    written = page_prose(markup)
    assert [(each.level, written.text[each.start : each.end]) for each in written.blocks] == [
        (1, "rope"),
        (2, "hook"),
        (2, "latch"),
        (1, "one\n  two"),
    ]


def test_deeply_nested_markup_is_read() -> None:
    for tag in ("div", "ul><li", "table><tr><td", "span"):
        assert "deep" in read_html("a.html", (f"<{tag}>" * 600 + "deep").encode()).text


def test_a_section_about_menus_or_cookies_is_no_menu_and_no_notice() -> None:
    page = (
        "<body><ul id='menu'><li><a href='/'>Start</a></li></ul>"
        "<div class='cookie-banner'><h2>Our cookies</h2><p>We use cookies.</p></div>"
        "<div class='menu'><h3>Menu</h3><ul><li><a href='a'>One</a></li></ul></div>"
        "<section id='file-menu'><h2>File menu</h2><p>Opens a <a href='f'>file</a>.</p></section>"
        "<section id='cookies'><h2>Cookies</h2><p>One is kept for a day.</p></section></body>"
    )
    assert (
        page_prose(page).text
        == "## File menu\n\nOpens a file.\n\n## Cookies\n\nOne is kept for a day."
    )


def test_definitions_without_end_tags_are_written_once_and_in_order() -> None:
    markup = "<dl><dt>Fee<dd>9 crowns<dt>Deposit<dt>Key<dd>20<dd>paid <b>back</b><dt>Boat</dl>"
    assert page_prose(markup).text == "Fee: 9 crowns\n\nDeposit, Key: 20\n\npaid back\n\nBoat"


@pytest.mark.parametrize("sign", ["¶", "#", "§", "<span>#</span>"])
def test_the_sign_that_links_a_heading_to_itself_is_left_out(sign: str) -> None:
    markup = f"<h2><a href='p.html#c'>Timers</a><span><a href='#c'>{sign}</a></span></h2>"
    assert page_prose(markup).text == "## Timers"


def test_the_head_of_a_page_goes_before_headings_and_times_of_its_body() -> None:
    page = (
        "<html><head><title>Pumps</title></head><body><div class='popup'><h1>Shortcuts</h1></div>"
        "<p>WELLTON, 14 May 2024 — The pump of the village was mended.</p>"
        "<p>It is looked over in <time datetime='2024-02-11'>February</time>.</p></body></html>"
    )
    document = parse_document("a.html", page.encode(), limits=ParseLimits())
    assert (document.title, document.published) == ("Pumps", date(2024, 5, 14))
    dated = "<body><p>Mended.</p><time class='published' datetime='2024-02-11'>11/2</time></body>"
    assert read_html("a.html", dated.encode()).published == date(2024, 2, 11)


def test_a_table_that_arranges_a_page_is_no_table() -> None:
    data = "<table><tr><td>Depth</td><td>9 m</td></tr></table>"
    page = (
        "<table><tr><td><ul><li>Start</li></ul></td><td><h1>Wells</h1><p>Dug by hand.</p>"
        f"{data}</td></tr></table>"
    )
    assert page_prose(page).text == "- Start\n\n# Wells\n\nDug by hand.\n\nDepth | 9 m"
    prices = "<table><tr><td><h4>Well</h4></td><td><p>9</p></td></tr><tr><td>b</td></tr></table>"
    assert page_prose(prices).text == "Well | 9\nb"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<details><summary><h3>May I?</h3></summary>Yes.</details>", "May I? Yes."),
        ("<dl><dt><h4>Fee</h4><dd>9 crowns</dl>", "Fee: 9 crowns"),
        (
            "<table><tr><th><h2>Well</h2></th><th>b</th></tr><tr><td>c</td></tr></table>",
            "Well | b\nc",
        ),
    ],
)
def test_a_heading_in_a_term_or_a_cell_has_no_mark(markup: str, text: str) -> None:
    assert page_prose(markup).text == text


def test_the_texts_of_pictures_side_by_side_are_words_of_their_own() -> None:
    markup = "<p><img alt='Red Hat'><a href='g'><img alt='Gnome'></a><img>, <img alt='T'>he</p>"
    assert page_prose(markup).text == "Red Hat Gnome, The"
