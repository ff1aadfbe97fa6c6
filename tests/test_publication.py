"""The date that a document gives itself in its text."""

from datetime import date

import pytest

from corpus.document import DateSource
from corpus.publication import Publication, is_plausible, stated_publication

TODAY = date(2025, 12, 24)
NOVEMBER_7 = date(2025, 11, 7)
BODY = "\n\nThe ferry between the islands runs every hour, and the quay is lit until ten at night."


def found(text: str, hint: date | None = None) -> Publication | None:
    return stated_publication(text, today=TODAY, hint=hint)


@pytest.mark.parametrize(
    "line",
    [
        "Published on 7 November 2025",
        "Published: November 7, 2025",
        "Published 7 Nov 2025 | 5 min read",
        "First published: 2025-11-07",
        "Posted by Ann Lee on November 7, 2025 at 10:12",
        "Posted on Friday, 7 November 2025",
        "Last updated: 7 November 2025",
        "**Last updated:** 2025-11-07T10:20:00Z",
        "Last modified 7th November 2025.",
        "Date: 07.11.2025",
        "Date | 7 November 2025",
        "DATE OF ISSUE: 7 NOVEMBER 2025",
        "Issued on the 7th of November 2025",
        "Version of 7 November 2025",
        "Effective date: November 7th, 2025",
        "Effective from 7 November 2025",
        "As of 7 November 2025",
        "Release date: 2025/11/07",
        "Stand: 7. November 2025",
        "Veröffentlicht am 7. November 2025",
        "Publié le 7 novembre 2025",
        "Fecha: 7 de noviembre de 2025",
        "Pubblicato il 7 novembre 2025",
        "Friday, 7 November 2025",
        "7 November 2025",
        "By Ann Lee, 7 November 2025",
        "By Ann Lee | Nov. 7, 2025",
        "Brussels, 7 November 2025",
        "Brüssel, den 7. November 2025",
        "November 7, 2025 - 4 min read",
        "This page was last updated on 7 November 2025.",
        "This document has been revised on 7 November 2025 by Ann Lee",
        "This page was last edited on 7 November 2025, at 10:22.",
        "Page last modified on 7 November 2025",
        "Last update: 7 November 2025",
        "Last change: 7 November 2025",
        "Last revision: 7 November 2025",
        "Content last reviewed: 7 November 2025",
        "Modified: 7 November 2025",
        "Version 2.1 (7 November 2025)",
        "Version 2.1 of 7 November 2025",
        "For immediate release: November 7, 2025",
        "Approved: 7 November 2025",
        "Adopted on 7 November 2025",
        "(7 November 2025)",
    ],
)
def test_a_line_below_the_title_states_the_date(line: str) -> None:
    assert found(f"# Ferries\n\n{line}{BODY}") == Publication(NOVEMBER_7, DateSource.STATED)


@pytest.mark.parametrize(
    "start",
    [
        "BRUSSELS, 7 November 2025 — The",
        "BRUSSELS, Belgium, Nov. 7, 2025 -- The",
        "London (Reuters) - 7 November 2025 - The",
        "GENEVA (7 November 2025) – The",
        "New York, November 7, 2025 (GLOBE NEWSWIRE) -- The",
        "PARIS, Nov 7, 2025 /PRNewswire/ -- The",
        "7 November 2025 – The",
    ],
)
def test_a_dateline_states_the_date(start: str) -> None:
    text = f"Ferries run again\n\n{start} ferries run again.{BODY}"
    assert found(text) == Publication(NOVEMBER_7, DateSource.DATELINE)


@pytest.mark.parametrize("start", ["London (Reuters) - Nov 7 - The", "OSLO, Nov 7 (Reuters) - The"])
def test_a_dateline_without_a_year_needs_something_that_settles_it(start: str) -> None:
    text = f"{start} ferries run again.{BODY}"
    assert found(text) is None
    assert found(text + "\n\n© 2025 Reuters") == Publication(NOVEMBER_7, DateSource.DATELINE)
    assert found(text, hint=date(2025, 11, 9)) == Publication(NOVEMBER_7, DateSource.DATELINE)
    assert found(text, hint=date(2025, 3, 1)) is None
    assert found(text + "\n\nIt was so in 2019 and 2025.") is None


@pytest.mark.parametrize(
    "line",
    [
        "Deadline: 3 May 2025",
        "Apply by 3 May 2025",
        "Date of birth: 3 May 1980",
        "Due date: 3 May 2025",
        "Valid until 3 May 2025",
        "The report was published on 3 May 2025 in Rome.",
        "Published on 3 May 2025 was also the list of quays that the council had kept to itself.",
        "The bridge was last updated on 3 May 2025.",
        "This page was printed on 3 May 2025.",
        "Updates on 3 May 2025",
        "Next review: 3 May 2025",
        "Date: TBD",
        "Date: 3 May 1789",
        "Published on 3 May 2031",
        "Published on 31 February 2025",
        "Published 03/04/2025",
        "Closing of the quay:\n3 May 2025",
        "Date: 3 May 2025\nVenue: the town hall",
        "3 May 2025\n\nWhere: the town hall",
        "3 May 2025\n\n5 June 2025\n\n7 July 2025",
        "On 3 May 2025 the ferry sank.",
        "3 May 2019 — The ferry opens.\n\n4 May 2020 — The ferry sinks.",
    ],
)
def test_other_dates_are_not_the_document_s(line: str) -> None:
    assert found(f"# Ferries\n\n{line}{BODY}") is None


def test_a_date_in_numbers_is_read_where_it_or_another_one_tells_the_order() -> None:
    assert found(f"Published 13/11/2025{BODY}") == Publication(
        date(2025, 11, 13), DateSource.STATED
    )
    assert found(f"Published 11/13/2025{BODY}") == Publication(
        date(2025, 11, 13), DateSource.STATED
    )
    assert found(f"Published 05/05/2025{BODY}") == Publication(date(2025, 5, 5), DateSource.STATED)
    text = f"Published 07/11/2025{BODY}"
    assert found(f"{text}\nPaid on 25/03/2025.") == Publication(NOVEMBER_7, DateSource.STATED)
    july = Publication(date(2025, 7, 11), DateSource.STATED)
    assert found(f"{text}\nPaid on 03/25/2025.") == july
    assert found(f"{text}\nPaid on 03/25/2025 and 25/03/2025.") is None


def test_the_foot_of_a_document_is_read_where_its_head_states_nothing() -> None:
    text = "# Ferries" + BODY * 60
    updated = text + "\n\nLast updated: 7 November 2025"
    assert found(updated) == Publication(NOVEMBER_7, DateSource.STATED)
    assert found(text + "\n\n7 November 2025") is None
    assert found("Published 1 May 2025\n\n" + updated) == Publication(
        date(2025, 5, 1), DateSource.STATED
    )


def test_publication_goes_before_an_update_and_an_update_before_coming_into_force() -> None:
    text = "Effective 1 March 2025\nUpdated 1 April 2025\nPublished 7 November 2025" + BODY
    assert found(text) == Publication(NOVEMBER_7, DateSource.STATED)
    text = text.replace("Published", "Printed")
    assert found(text) == Publication(date(2025, 4, 1), DateSource.STATED)


def test_a_day_is_plausible_from_1900_until_tomorrow() -> None:
    days = (None, date(1899, 12, 31), date(1900, 1, 1), date(2025, 12, 25), date(2025, 12, 26))
    assert [is_plausible(day, TODAY) for day in days] == [False, False, True, True, False]
