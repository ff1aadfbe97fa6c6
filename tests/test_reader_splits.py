"""What is trained on and what only measures never meet."""

from eval.training.splits import TRAINED_ARTICLES, TUNE_ARTICLES, is_trained_article, is_tune


def test_four_articles_are_kept_and_twelve_are_trained_on() -> None:
    assert (len(TUNE_ARTICLES), len(TRAINED_ARTICLES)) == (4, 12)
    assert not TUNE_ARTICLES & TRAINED_ARTICLES


def test_a_title_counts_with_and_without_underscores() -> None:
    assert is_trained_article("1973_oil_crisis")
    assert is_trained_article("Yuan dynasty")
    assert not is_trained_article("Steam_engine")


def test_a_document_is_always_in_the_same_part_and_parts_have_their_shares() -> None:
    drawn = [is_tune("timeqa", f"Page {number}") for number in range(2000)]
    assert drawn == [is_tune("timeqa", f"Page {number}") for number in range(2000)]
    assert 0.2 < sum(drawn) / len(drawn) < 0.3
    assert 0.45 < sum(is_tune("clapnq", f"Page {number}") for number in range(2000)) / 2000 < 0.55
