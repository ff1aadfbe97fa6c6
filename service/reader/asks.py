"""The expected type of an answer, and whether a few words can be the answer."""

import re

from corpus.dates import MONTH_PATTERN, WEEKDAY_PATTERN
from service.reader.form import AnswerForm

_MEASURES = (
    "many|much|long|large|big|far|high|old|often|deep|fast|tall|wide|small|heavy|hot|cold|soon|late"
    "|early|few"
)
_ASKS_NUMBER = re.compile(
    rf"\bhow (?:{_MEASURES})\b"
    r"|\bwhat (?:is|was|were|are)? ?(?:the )?(?:share|number|amount|price|cost|rate|percentage"
    r"|percent|total|size|value"
    r"|length|capacity|volume)\b",
    re.I,
)
_ASKS_TIME = re.compile(
    r"\bwhen\b|\b(?:what|which|in what|in which) (?:year|month|day|date|decade|century)\b"
    r"|\bhow long ago\b",
    re.I,
)
_ASKS_WHO = re.compile(r"\b(?:who|whom|whose)\b", re.I)
_ASKS_WHERE = re.compile(
    r"\bwhere\b|\b(?:what|which) (?:city|country|place|town|region|state|location|province)\b", re.I
)
_ASKS_WHY = re.compile(
    r"\bwhy\b|\b(?:what|which) (?:reason|caused|causes|led|explains)\b|\bhow come\b", re.I
)
_AMOUNT = re.compile(
    r"(?<![\d.,])(?!(?:1\d|20)\d\d\b(?![.,]\d))\d[\d.,]*"
    rf"(?! (?:{MONTH_PATTERN}))"
    r"|\b(?:half|third|quarter|dozens?|hundreds?|thousands?|millions?|billions?|one|two|three"
    r"|four|five|six|seven|eight"
    r"|nine|ten|eleven|twelve|twice|double)\b",
    re.I,
)
_TIME = re.compile(
    r"\b(?:1\d{3}|20\d{2})\b"
    rf"|\b(?:{MONTH_PATTERN}|{WEEKDAY_PATTERN})\b"
    r"|\bcentur(?:y|ies)\b"
    r"|\b\d{1,2}:\d{2}\b",
)
# Words have at most 60 letters here, so that long ones take linear time.
_WORD = r"[A-Z][\w’'-]{1,60}"
_NAME = re.compile(rf"(?<=[\w,;:“\"'(—–-] ){_WORD}|(?:{_WORD} ){{1,8}}{_WORD}|^[A-Z][\w’'-]+$")
_REASON = re.compile(
    r"\b(?:because|since|due to|owing to|as a result|in order to|so that|therefore|thus|reason"
    r"|caused?|aims?|led to"
    r"|reflect\w*|to (?:avoid|counter|reduce|protect|secure|prevent|help|mitigate|offset))\b",
    re.I,
)
_TYPES = (
    (_ASKS_NUMBER, _AMOUNT),
    (_ASKS_TIME, _TIME),
    (_ASKS_WHO, _NAME),
    (_ASKS_WHERE, _NAME),
    (_ASKS_WHY, _REASON),
)

_SPEAKS = (
    "say|think|believe|argue|claim|warn|explain|suggest|conclude|recommend|state|announce|promise"
    "|predict|mean|decide|agree|propose|demand|ask for|call for|tell|describe|find|show|report"
)
_AUXILIARIES = "did|do|does|has|have|had|is|are|was|were|can|could|may|might|would|should|will"
_SENTENCE = re.compile(
    rf"\bwhy\b|\bhow (?:come|to|{_AUXILIARIES})\b"
    rf"|\bwhat (?:{_AUXILIARIES}) (?:[\w’'.-]+ ){{1,6}}(?:{_SPEAKS}|said)\b"
    r"|\bwhat (?:happen(?:s|ed)?|changed|about)\b"
    r"|\bwhat (?:is|are|was|were) (?:the )?(?:\w+ )?(?:reasons?|differences?|purpose|point"
    r"|idea|argument|explanation)\b"
    r"|\bfor what (?:reason|purpose)\b",
    re.I,
)
_QUESTION_WORD = re.compile(
    r"\b(?:who|whom|whose|what|which|when|where|why|how)\b"
    r"|^(?:name|list|year|date|day|month|number|amount|price|cost|length|size|share|percentage"
    r"|value|capital)\b",
    re.I,
)


def kind_of(question: str) -> AnswerForm:
    """The form of answer that a question expects: a few words, or possibly a whole sentence.

    Questions for a reason, a manner, a statement, or a yes or no may take a sentence, and so may
    text that asks nothing.
    """
    asks = _QUESTION_WORD.search(question)
    return AnswerForm.SHORT if asks and not _SENTENCE.search(question) else AnswerForm.SENTENCE


class AnswerTypes:
    """The types of answer that one question expects: a number, a time, a name, or a reason."""

    def __init__(self, question: str) -> None:
        self._question = question.casefold()
        self._patterns = [answer for asks, answer in _TYPES if asks.search(question)]

    def held(self, text: str) -> float:
        """1 if a text contains something of an expected type, -1 if it does not, and 0 if the
        question expects no clear type.

        Words that the question itself contains do not count.
        """
        if not self._patterns:
            return 0.0
        for pattern in self._patterns:
            if any(match[0].casefold() not in self._question for match in pattern.finditer(text)):
                return 1.0
        return -1.0
