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

# What stands before the question itself: "Please", "Could you tell me", "Do you know".
_POLITE = re.compile(
    r"\s*(?:(?:please|kindly|so|and|but|well|ok|okay|also|then|actually)\b[\s,]*"
    r"|(?:can|could|would|will) (?:you|anyone|somebody|someone) (?:please |kindly )?"
    r"(?:tell|show|let) (?:me|us) (?:know )?(?!about\b)"
    r"|(?:can|could|would|will) (?:you|anyone|somebody|someone) (?:please |kindly )?"
    r"(?=(?:explain|describe|list|name|give|tell|show|summari[sz]e|define|compare|outline)\b)"
    r"|do(?:es)? (?:you|anyone|anybody) (?:happen to )?know "
    r"|(?:i(?:['’]d| would)?|we(?:['’]d| would)?) (?:like|want|need) to know "
    r"|i (?:wonder|am wondering) |i['’]m wondering |any idea |tell (?:me|us) (?!about\b)"
    r"|let (?:me|us) know )",
    re.I,
)
_YES_NO = re.compile(
    rf"(?:(?:{_AUXILIARIES}|am|must|shall|need|ought)(?:n['’]t)?|cannot|can['’]t|won['’]t|if"
    r"|whether)\s(?!(?:long|much|many)\b)",
    re.I,
)
_ROW = re.compile(
    r"\bwhat does the (?:\w+ )?table (?:say|show|list|state) (?:of|on|for|about) (?P<one>.+)"
    r"|\bwhat does the (?:\w+ )?table\b"
    r"|\b(?:details|row|entry|record|specifications|specs|data) (?:of|on|for|about) (?P<other>.+)",
    re.I,
)
_STEPS = re.compile(
    r"\bhow (?:do|can|should|could|must|would|may)"
    r" (?:i|you|we|one|somebody|someone|people|users?)\b"
    r"|\bhow to\b|\b(?:steps?|procedure|process|instructions?) (?:to|for|of|in)\b"
    r"|\b(?:what|which) (?:are the )?steps\b",
    re.I,
)
_NEEDS = (
    "need|needs|needed|bring|pack|contains?|contained|includes?|included|requires?|required"
    "|consists? of|comprises?|covers?|covered|provide|submit|prepare|supports?|supported|offers?"
    "|offered|allowed|permitted|forbidden|prohibited|excludes?|excluded|eligible"
)
_LIST = re.compile(
    r"^(?:list|enumerate)\b|\blist of\b"
    r"|\bname (?:all|every|the (?:two|three|four|five|six|main))\b"
    r"|^(?:what|which) are (?:the|all|some|your|our|its|their|my)\b"
    rf"|^what (?:all )?(?:{_AUXILIARIES}|must)\b.{{0,80}}\b(?:{_NEEDS})\b"
    r"|^what (?:must|should|can|may|shall|do|am) (?:i|we|you|one|people)\b.{0,40}"
    r"\b(?:allowed|send|attach|enclose|take|carry|hand in|present|show|avoid|wear)\b"
    r"|^what (?:must|should|can|may|has to|needs? to|ought to) be "
    r"(?:sent|attached|enclosed|taken|carried|handed in|shown|avoided|worn)\b"
    r"|\b(?:what|which) steps\b|\bsteps (?:to|for|of|in)\b",
    re.I,
)
_SEVERAL = re.compile(
    r"^(?:what|which) (?:other |different |kinds? of |types? of |sorts? of )?(?:[\w-]{1,30} )?"
    r"(?!(?:is|was|has|does|this|news)\b)[\w-]{2,30}(?<![siu])s "
    rf"(?:{_AUXILIARIES}|must|need|needs)\b",
    re.I,
)
_VALUES = (
    "price|cost|fee|charge|rate|amount|number|share|percentage|percent|total|sum|size|value|length"
    "|height|width|weight|depth|distance|capacity|volume|speed|temperature|age|date|day|time|year"
    "|month|deadline|duration|period|limit|maximum|minimum|max|min|average|capital|name|title"
    "|address|phone|telephone|e-?mail|fax|url|website|code|password|pin|id|version|port|colou?r"
    "|currency|population|area|salary|budget|score|rank|model|brand|type|format|unit|symbol"
    "|abbreviation|location|city|country|language|default|status|threshold|quota|allowance"
    "|penalty|fine|tax|vat|interest|voltage|power|pressure|frequency|density|gdp|extension|hours"
)
_DESCRIBED = (
    "polic(?:y|ies)|procedures?|process(?:es)?|purpose|point|differences?|meaning|definition"
    "|reasons?|role|function|goal|aim|idea|rules?|benefits?|advantages?|disadvantages?|effects?"
    "|impacts?|causes?|relationship|significance|importance|background|history|approach|method"
    "|mechanism|concept|principle|situation|plan|strategy|summary|overview|(?:best )?way|problem"
    "|issue|risks?|consequences?|story|case|position|view|stance|argument|explanation"
    "|requirements?|conditions?|scope|matter|matters"
)
_DEFINES = re.compile(r"^(?:and |so )?what(?: is| are| was| were|['’]?s|['’]re) (?P<rest>.+)", re.I)
_DEFINITE = re.compile(
    r"(?:the|my|your|our|his|her|its|their|this|that|these|those|one['’]s)\b|\w+['’]s\b", re.I
)
_NAMED = re.compile(r"the [A-Z]")
_IS_DESCRIBED = re.compile(rf"(?:[\w'’-]+ ){{1,4}}?(?:{_DESCRIBED})\b", re.I)
_IS_VALUE = re.compile(
    rf"\b(?:{_VALUES})(?: (?:of|for|in|per|to|at|on|from|between)\b|\W*$)|['’]s\b"
    r"|\b(?:called|named|worth|made of|highest|lowest|largest|smallest|longest|shortest|first|last"
    r"|latest|current|maximum|minimum)\b"
)
_PASSAGE = re.compile(
    rf"\bwhy\b|\bhow (?:come|to|{_AUXILIARIES}|must|shall)\b"
    rf"|\bwhat (?:{_AUXILIARIES}) (?:[\w’'.-]+ ){{1,6}}(?:{_SPEAKS}|said)\b"
    r"|\bwhat (?:happen(?:s|ed|ing)?|changed|about|makes|made|causes?d?|leads?|led|to do|if)\b"
    r"|\bwhat (?:should|can|must|could|do|shall) (?:i|we|you|one|they) do\b"
    rf"|\bwhat (?:is|was) (?:the |my |our |your |its |their )?(?:\w+ )?(?:{_DESCRIBED})\b"
    r"|\b(?:for|in) what (?:reasons?|purpose|ways?)\b"
    r"|\bdifferences?\b|^(?:explain|describe|summari[sz]e|define|compare|outline|discuss"
    r"|elaborate)\b|\btell (?:me|us) (?:\w+ )?about\b|^(?:about|information (?:on|about))\b"
    r"|\bwhat (?:do|does) .{1,80}\bdo\W*$",
    re.I,
)
_QUESTION_WORD = re.compile(
    r"\b(?:who|whom|whose|what|which|when|where|why|how)\b"
    r"|^(?:name|list|year|date|day|month|number|amount|price|cost|length|size|share|percentage"
    r"|value|capital)\b",
    re.I,
)


def kind_of(question: str) -> AnswerForm:
    """The form of answer that a question expects.

    A question for a yes or no expects the sentence that decides. Questions for a reason, a manner,
    a definition, a statement or a difference expect a passage, and so does text that asks nothing,
    such as "refund policy". Questions for several things expect a list, which may turn out to be a
    passage if the documents have no list of them. All others expect a few words.
    """
    asked = asked_plainly(question)
    if _YES_NO.match(asked):
        return AnswerForm.SENTENCE
    if _ROW.search(asked):
        return AnswerForm.ROW
    if (_LIST.search(asked) or asks_for_several(asked)) and not _PASSAGE.search(asked):
        return AnswerForm.LIST
    if _PASSAGE.search(asked) or _is_definition(asked) or not _QUESTION_WORD.search(asked):
        return AnswerForm.PASSAGE
    return AnswerForm.SHORT


def asked_plainly(question: str) -> str:
    """The question without polite words before it, such as "Could you tell me"."""
    position = 0
    while match := _POLITE.match(question, position):
        position = match.end()
    return question[position:].strip() or question.strip()


def subject_of(question: str) -> str:
    """What a question for the row of a table is about: "the blue van" of "Give me the details of
    the blue van". Any other question is returned as it is.
    """
    row = _ROW.search(question)
    return (row and (row["one"] or row["other"])) or question


def wants_steps(question: str) -> bool:
    """Whether a question asks how to do something, so that a list of steps is quoted whole."""
    return _STEPS.search(question) is not None


def defined_term(question: str) -> str | None:
    """What a question such as "What is a tranche?" asks the meaning of, in small letters without an
    article; None for other questions.
    """
    defines = _DEFINES.match(question)
    if defines is None:
        return None
    term = " ".join(defines["rest"].casefold().split()).rstrip("?!. ")
    for article in ("the ", "a ", "an "):
        term = term.removeprefix(article)
    return term or None


def asks_for_several(question: str) -> bool:
    """Whether a question asks which ones, such as "Which documents do I need?". A few words answer
    it where the documents have no list of them.
    """
    return _SEVERAL.search(question) is not None


def _is_definition(asked: str) -> bool:
    """Whether a question asks what something is, and for no value such as a price or a name."""
    defines = _DEFINES.match(asked)
    if defines is None:
        return False
    rest = defines["rest"]
    if _DEFINITE.match(rest) and not _NAMED.match(rest):
        return _IS_DESCRIBED.match(rest) is not None
    return _IS_VALUE.search(rest) is None


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
