"""Prompts that chat front ends send about a conversation: for its title, tags and the like.

Open WebUI, LibreChat and others send them as chat completions, after the first answer or while
somebody types. They are recognised by their shape, since their words change with every version: an
instruction with rules for the form of the reply, beside the conversation that it is about. Quoth
serves them from that conversation and searches no documents.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from service.answering.small_talk import small_talk
from service.http.completion_request import CompletionRequest


class TaskKind(StrEnum):
    """What a front end wants to have made of a conversation."""

    TITLE = "title"
    TAGS = "tags"
    FOLLOW_UPS = "follow_ups"
    QUERIES = "queries"
    COMPLETION = "text"
    EMOJI = "emoji"
    PICTURE = "prompt"


@dataclass(frozen=True, slots=True)
class FrontEndTask:
    """A prompt that a front end sent.

    :param instruction: the prompt without the conversation
    :param questions: what the user said in the conversation, oldest first
    :param key: the field of the JSON object that is asked for, None if plain text is
    """

    kind: TaskKind
    instruction: str
    questions: tuple[str, ...]
    key: str | None


@dataclass(frozen=True, slots=True)
class TaskReply:
    """The reply to a front end's prompt.

    :param function: the name of the function whose arguments the content is, if the request demands
        a call
    """

    content: str
    function: str | None = None


_MOST_CHARACTERS = 20_000
"""How much of a prompt is looked at."""

_MOST_INSTRUCTION = 6_000
_MOST_WORDS = 7
_MOST_TAGS = 3
_NO_TAG = "General"
_FACE = "🙂"

_KEYS = {
    "title": TaskKind.TITLE,
    "tags": TaskKind.TAGS,
    "follow_ups": TaskKind.FOLLOW_UPS,
    "followups": TaskKind.FOLLOW_UPS,
    "follow_up_questions": TaskKind.FOLLOW_UPS,
    "suggestions": TaskKind.FOLLOW_UPS,
    "questions": TaskKind.FOLLOW_UPS,
    "queries": TaskKind.QUERIES,
    "text": TaskKind.COMPLETION,
    "emoji": TaskKind.EMOJI,
    "prompt": TaskKind.PICTURE,
}
"""What each field of a JSON object asks for."""

_NOUNS = (
    (re.compile(r"titles?\b|(?:short |concise )?(?:name|phrase) for\b"), TaskKind.TITLE),
    (re.compile(r"tags?\b"), TaskKind.TAGS),
    (re.compile(r"follow[- ]?ups?\b"), TaskKind.FOLLOW_UPS),
    (re.compile(r"(?:web |google )?search quer(?:y|ies)\b|quer(?:y|ies)\b"), TaskKind.QUERIES),
    (re.compile(r"emojis?\b"), TaskKind.EMOJI),
)
"""What an instruction in words asks for, by the first of these nouns in it; an emoji if there is no
other, since titles may have one.
"""

_JSON_KEY = re.compile(r'\{\s{0,20}["\'](\w{1,30})["\']\s{0,5}:')
_VERB = re.compile(
    r"\b(?:generate|create|write|provide|suggest|produce|return|come up with|summari[sz]e|name|"
    r"analy[sz]e|detect|reflect|determine|give me|propose|task is|title[- ]generator)\b",
    re.IGNORECASE,
)
_REACH = 260
"""How far after its verb an instruction names what it asks for."""

_CONSTRAINT = re.compile(
    r"\bJSON\b|\bonly\b|\bemojis?\b|\bnothing else\b|\bexclusively\b|\bsolely\b|"
    r"\bno (?:extra|other) text\b|"
    r"\bwords or (?:less|fewer)\b|\b\d+[- ]word|\d ?(?:-|–|to) ?\d[- ]words?\b|\bno punctuation\b|"
    r"\bwithout (?:punctuation|quot|any)|\bavoid quotation\b|\bmax(?:imum)?\.? (?:of )?\d+|"
    r"\bdo not (?:answer|respond|include|add|use)\b",
    re.IGNORECASE,
)
_ABOUT_CONVERSATION = re.compile(
    r"\b(?:this|the|our|above|following|previous|preceding|entire)\s+(?:\w+\s+)?"
    r"(?:chat|conversation|discussion|dialog(?:ue)?|thread|messages?|exchange|query|session)\b|"
    r"\b(?:chat|conversation) (?:history|title|name)\b|\buser(?:'s|’s)? (?:first )?messages?\b",
    re.IGNORECASE,
)
_IMPERATIVE = re.compile(
    r"\W{0,8}(?:(?:your|the) (?:only )?task is to |please |you are [^.\n]{0,120}[.\n]\W{0,4})?"
    r"(?:generate|create|write|provide|suggest|summari[sz]e|come up with|produce|propose)\b",
    re.IGNORECASE,
)
_SOME = re.compile(
    r"(?:\ban?|\bone|\b\d+(?: ?[-–] ?\d+)?|\bsome|\brelevant|\bconcise|\bshort) "
    r"(?:[\w,-]{1,20} ){0,6}?(?:title|name|tags|follow-up questions)\b",
    re.IGNORECASE,
)
"""A title that is to be made, and not the title of something."""

_SENTENCE_END = re.compile(r"[.\n]")
_DECORATION = re.compile(r"^[ \t]*-{2,}.*$", re.MULTILINE)
_TAGGED = ("chat_history", "conversation", "history", "messages", "chat", "transcript")
_SPEAKER = re.compile(
    r"^[^\w\n]{0,6}(user|human|you|assistant|ai|bot|model|response|system)[ \t]{0,3}:[ \t]{0,3}",
    re.IGNORECASE | re.MULTILINE,
)
_PERSON = ("user", "human", "you")
_QUERY = re.compile(r"here is the (?:query|message|question|conversation):\s{0,4}", re.IGNORECASE)
_FENCED = re.compile(r"message: {0,2}```", re.IGNORECASE)
_WORDS_WANTED = re.compile(r"(\d{1,2})[- ]words?(?:[- ]or[- ](?:less|fewer))?\b", re.IGNORECASE)
_BEFORE_TOPIC = re.compile(
    r"(?:(?:can|could|would) you )?(?:please )?(?:tell me|explain|describe|show me|give me|find)"
    r"(?: about| me)? |what(?:['’]s| is| are| was| were) |who(?:['’]s| is| are| was| were) "
    r"(?=the |a |an )",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"(?:the|a|an|my|our|your) ", re.IGNORECASE)
_UNIMPORTANT = frozenset(
    "how much many long far often old what when where why which who whose is are was were be been "
    "do does did can could will would shall should may might must has have had the a an this that "
    "these those i me my we us our you your he him his she her it its they them their there "
    "please to about".split()
)
_LINKING = frozenset("of for in on at by with from and or to as than the a an".split())
_QUOTATION = "\"'“”‘’`*_#> \t"
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w&-]{1,30}(?: (?:of |the |and )?[A-Z][\w&-]{0,30}){0,3}")


def front_end_task(request: CompletionRequest) -> FrontEndTask | None:
    """The task that a request sets, None if it asks a question."""
    messages = request.messages
    last = next((at for at in reversed(range(len(messages))) if messages[at].role == "user"), None)
    systems = [message.text for message in messages if message.role in ("system", "developer")]
    if last is None:
        # Early versions of LibreChat send the whole prompt as a system message.
        return _in_prompt(systems[-1], ()) if systems else None
    asked = tuple(message.text for message in messages[:last] if message.role == "user")
    task = _in_prompt(messages[last].text, asked)
    if task is None and systems and _IMPERATIVE.match(systems[0]):
        # The system message is the instruction, and the user's are the conversation.
        questions = (*asked, *_questions_in(messages[last].text))
        task = _task(systems[0], questions, is_certain=False)
    return task


def reply_to_task(task: FrontEndTask, request: CompletionRequest) -> TaskReply:
    """What a front end gets: text, or JSON with the fields that the prompt or the request names."""
    value = _value(task)
    function, fields = _function(request), _schema_fields(request)
    if function is not None:
        function_name, fields = function
        return TaskReply(_object(task.kind, value, fields), function_name)
    if fields:
        return TaskReply(_object(task.kind, value, fields))
    if task.key is not None:
        return TaskReply(_object(task.kind, value, [task.key]))
    return TaskReply(value if isinstance(value, str) else "\n".join(value))


def _in_prompt(prompt: str, asked: Sequence[str]) -> FrontEndTask | None:
    """The task of a prompt.

    :param asked: what the user said in the messages before it
    """
    prompt = prompt[:_MOST_CHARACTERS]
    instruction, conversation = _parted(prompt)
    if conversation is not None:
        return _task(instruction, _questions_in(conversation), is_certain=True)
    if asked and _IMPERATIVE.match(prompt):
        return _task(prompt, asked, is_certain=False)
    return None


def _parted(prompt: str) -> tuple[str, str | None]:
    """The instruction of a prompt, and the conversation that it is about; None if it has none."""
    for tag in _TAGGED:
        before, opened, rest = prompt.partition(f"<{tag}>")
        conversation, closed, after = rest.rpartition(f"</{tag}>")
        if opened and closed:
            return before + after, conversation
    if "<type>" in prompt and "<text>" in prompt:
        # The last of them is to be completed, and those before it are examples.
        before, _, rest = prompt.rpartition("<text>")
        text, _, after = rest.partition("</text>")
        return before + after, text
    for opening in (_QUERY, _FENCED):
        found = opening.search(prompt)
        if found:
            rest = prompt[found.end() :]
            verbs = [verb.start() for verb in _VERB.finditer(rest)]
            end = rest.rfind("\n", 0, verbs[0]) if opening is _QUERY and verbs else len(rest)
            return prompt[: found.start()] + rest[max(end, 0) :], rest[: max(end, 0)]
    # The conversation begins with a person: "Model: X200" is no speaker.
    speakers = (each for each in _SPEAKER.finditer(prompt) if each[1].lower() in _PERSON)
    speaker = next(speakers, None)
    if speaker and speaker.start() > 0:
        return prompt[: speaker.start()], prompt[speaker.start() :]
    return prompt, None


def _task(
    instruction: str, questions: tuple[str, ...] | Sequence[str], *, is_certain: bool
) -> FrontEndTask | None:
    """The task that an instruction sets, None if it is none.

    :param is_certain: whether the instruction came with a conversation of its own
    """
    instruction = instruction[:_MOST_INSTRUCTION]
    if not _CONSTRAINT.search(instruction):
        return None
    if not is_certain:
        sentence = _SENTENCE_END.split(instruction.strip(), maxsplit=1)[0]
        if not (_SOME.search(sentence) and _ABOUT_CONVERSATION.search(instruction)):
            return None
    keys = [key for key in _JSON_KEY.findall(instruction) if key in _KEYS]
    kind = _KEYS[keys[0]] if keys and _VERB.search(instruction) else _kind_in_words(instruction)
    if keys and "autocomplet" in instruction.lower():
        kind = TaskKind.COMPLETION
    if kind is None:
        return None
    return FrontEndTask(kind, instruction, tuple(questions), keys[0] if keys else None)


def _kind_in_words(instruction: str) -> TaskKind | None:
    """What the first verb with one of the nouns asks for."""
    lowered = instruction.lower()
    for verb in _VERB.finditer(lowered):
        reach = lowered[verb.start() : verb.end() + _REACH]
        found = [(noun.search(reach), kind) for noun, kind in _NOUNS]
        places = [(kind is TaskKind.EMOJI, match.start(), kind) for match, kind in found if match]
        if places:
            return min(places)[2]
    return None


def _questions_in(conversation: str) -> tuple[str, ...]:
    """What the user said in a transcript; all of a text without speakers."""
    conversation = _DECORATION.sub("", conversation)
    speakers = list(_SPEAKER.finditer(conversation))
    if not speakers:
        text = conversation.strip(_QUOTATION + "\n")
        return (text,) if text else ()
    ends = [*(speaker.start() for speaker in speakers[1:]), len(conversation)]
    said = (
        conversation[speaker.end() : end].strip(_QUOTATION + "\n")
        for speaker, end in zip(speakers, ends, strict=True)
        if speaker[1].lower() in _PERSON
    )
    return tuple(text for text in said if text)


def _value(task: FrontEndTask) -> str | list[str]:
    match task.kind:
        case TaskKind.TITLE:
            return _title(task)
        case TaskKind.TAGS:
            return _tags(task)
        case TaskKind.FOLLOW_UPS:
            return []
        case TaskKind.QUERIES:
            return list(task.questions[-1:])
        case TaskKind.EMOJI:
            return _FACE
        case TaskKind.COMPLETION | TaskKind.PICTURE:
            return ""


def _title(task: FrontEndTask) -> str:
    """A title from the words of the first question."""
    question = next(
        (text for text in task.questions if small_talk(text) is None),
        task.questions[0] if task.questions else "Conversation",
    )
    line = question.strip().split("\n", 1)[0]
    topic = _BEFORE_TOPIC.sub("", line, count=1) if _BEFORE_TOPIC.match(line) else line
    words = _ARTICLE.sub("", topic, count=1).split() if _ARTICLE.match(topic) else topic.split()
    wanted = [int(number) for number in _WORDS_WANTED.findall(task.instruction)]
    most = max(wanted) if wanted and max(wanted) > 1 else _MOST_WORDS
    if len(words) > most:
        words = [word for word in words if word.lower().strip("?,.!") not in _UNIMPORTANT] or words
    words = words[:most]
    while len(words) > 1 and words[-1].lower() in _LINKING:
        words.pop()
    title = " ".join(words).strip(_QUOTATION + "?.!,;:")
    return title[:1].upper() + title[1:]


def _tags(task: FrontEndTask) -> list[str]:
    """Names in the user's questions; one general tag if there are none."""
    names = (name for question in task.questions for name in _NAME.findall(question))
    return list(dict.fromkeys(names))[:_MOST_TAGS] or [_NO_TAG]


def _object(kind: TaskKind, value: str | list[str], fields: Sequence[str]) -> str:
    """A JSON object with these fields, the one that was asked for with the value."""
    made = {field: _field(kind, value, field) for field in fields}
    return json.dumps(made, ensure_ascii=False)


def _field(kind: TaskKind, value: str | list[str], field: str) -> str | list[str]:
    if _KEYS.get(field) is kind:
        return value
    return "English" if field == "language" else ""


class _Schema(BaseModel):
    properties: dict[str, Any] = {}  # a JSON schema


class _NamedSchema(BaseModel):
    json_schema: _Schema = Field(_Schema(), alias="schema")


class _ResponseFormat(BaseModel):
    json_schema: _NamedSchema


class _Function(BaseModel):
    name: str
    parameters: _Schema = _Schema()


class _Tool(BaseModel):
    function: _Function


class _Tools(BaseModel):
    tools: list[_Tool] = Field(min_length=1)


def _schema_fields(request: CompletionRequest) -> list[str]:
    """The fields of the JSON schema that the content must follow; none if there is no schema."""
    try:
        wanted = _ResponseFormat.model_validate(request.response_format)
    except ValidationError:
        return []
    return list(wanted.json_schema.json_schema.properties)


def _function(request: CompletionRequest) -> tuple[str, list[str]] | None:
    """The name and the parameters of the function that the request demands a call of."""
    if request.tool_choice in (None, "auto", "none"):
        return None
    try:
        tools = _Tools.model_validate({"tools": request.tools}).tools
    except ValidationError:
        return None
    chosen = request.tool_choice if isinstance(request.tool_choice, dict) else {}
    named = chosen.get("function", {})
    name = named.get("name") if isinstance(named, dict) else None
    tool = next((tool for tool in tools if tool.function.name == name), tools[0])
    return tool.function.name, list(tool.function.parameters.properties)
