"""Questions on whole documents find the passages that may hold their answers."""

import gzip
import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers

from eval.training.documents import (
    PageQuestion,
    Pages,
    SourcePage,
    answer_sentences,
    examples_of,
    read_folder,
)
from eval.training.sets import pages_of_part


def words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def page(*facts: str) -> SourcePage:
    """A document whose facts stand in passages of their own, filled up to Quoth's length."""
    filler = " ".join(["Nothing is known of the rest of it, and nobody has asked."] * 11)
    return SourcePage(
        "p", "Trams", "\n\n".join(f"## {n}\n\n{fact} {filler}" for n, fact in enumerate(facts))
    )


def asked(text: str, *answers: str) -> Pages:
    found = page(
        "In 1970 the driver of tram 7 was Maja Sten.",
        "Maja Sten was born in Oslo.",
        "The depot stands in Bergen.",
    )
    return Pages({"p": found}, [PageQuestion("q", text, answers, ("p",))])


def test_the_passage_that_shares_most_with_the_question_comes_first() -> None:
    found = examples_of("x", asked("Who drove tram 7 in 1970?", "Maja Sten"), words())
    (example,) = found.examples
    places = [(example.paragraph, example.spans), *((p.paragraph, p.spans) for p in example.also)]
    assert len(places) == 2
    texts = [found.paragraphs[number].text for number, _ in places]
    assert texts[0].startswith("In 1970")
    assert [texts[n][s:e] for n, (_, ((s, e),)) in enumerate(places)] == ["Maja Sten"] * 2
    assert not example.exact


def test_an_answer_in_other_letters_counts_only_where_it_stands_nowhere_as_given() -> None:
    (found,) = examples_of("x", asked("Where is the depot?", "bergen"), words()).examples
    assert len(found.spans) == 1
    assert examples_of("x", asked("Where is the depot?", "Tromsø"), words()).examples == []


def test_without_an_answer_the_nearest_passages_are_read() -> None:
    found = examples_of("x", asked("Who drove tram 7 in 1950?"), words())
    (example,) = found.examples
    assert (example.spans, example.golds) == ((), ())
    assert found.paragraphs[example.paragraph].text.startswith("In 1970")
    assert len(example.also) == 2


def test_an_answer_in_words_of_its_own_is_the_sentence_it_was_made_from() -> None:
    pages = asked("Where does the depot stand?", "It is in Bergen that the depot stands.")
    found = examples_of("x", pages, words(), loose=True)
    (example,) = found.examples
    ((start, end),) = example.spans
    assert found.paragraphs[example.paragraph].text[start:end] == "The depot stands in Bergen."
    assert example.loose


def test_tokenised_texts_and_answers_are_written_as_people_write_them(tmp_path: Path) -> None:
    document = {"id": "p", "title": "J . Smith", "text": "J . Smith , a half - brother , ran ."}
    question = {"id": "q", "question": "Who ran?", "answers": ["J . Smith"], "gold_document": "p"}
    for name, entry in (("documents", document), ("questions", question)):
        text = json.dumps(entry).encode()
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(text))
    pages = read_folder(tmp_path)
    assert pages.pages["p"].text == "J. Smith, a half-brother, ran."
    assert pages.questions[0].answers == ("J. Smith",)


def test_every_document_is_in_one_part_with_all_its_questions() -> None:
    pages = {f"p{n}": SourcePage(f"p{n}", f"Page {n}", "text") for n in range(40)}
    questions = [PageQuestion(f"{p}/{n}", "?", ("a",), (p,)) for p in pages for n in range(2)]
    whole = Pages(pages, questions)
    parts = [pages_of_part("timeqa", whole, tune=tune).questions for tune in (True, False)]
    assert sorted(each.id for part in parts for each in part) == sorted(q.id for q in questions)
    trained, kept = ({each.pages for each in part} for part in parts)
    assert not trained & kept


def test_all_sentences_that_an_answer_was_made_from_are_found() -> None:
    text = (
        "The reef shark lives near coral in shallow warm water. It is grey. "
        "Its young are born alive after twelve months, three or four at a time. Sailors fear it."
    )
    answer = (
        "Reef sharks are born alive after twelve months, three or four at a time. "
        "They live near coral in shallow warm water."
    )
    found = [text[start:end] for start, end in answer_sentences(answer, text)]
    assert [each.split()[0] for each in found] == ["The", "Its"]
