"""Prompts of chat front ends, recognised by their shape and served from the conversation."""

import json
from typing import Any

import pytest

from service.http.completion_request import CompletionRequest
from service.http.front_end_tasks import TaskKind, front_end_task, reply_to_task

QUESTION = "How much gas can the Power of Siberia pipeline carry?"
TAGGED = f"""<chat_history>
USER: {QUESTION}
ASSISTANT: **38 billion cubic metres** [1]
</chat_history>"""
SPOKEN = """User: Hi
AI: Hello.
User: What is the cancellation policy for hotels?
AI: **48 hours** [1]"""
ORDINARY = """\
What is the title of the report?
Which tags can a document have, and are they JSON?
How do I generate a JSON file with tags?
Create a title page: how?
Give me the title only of the annual report.
What does the follow-up question do in the conversation?
How are follow-up questions suggested?
Which emoji means approved?
How do I write a concise summary in 5 words or less?
What JSON format does the export return: { "title": "x" }?
Who has title to the land?
Suggest how to return a faulty lorry only partly loaded.
What tags does a conversation have in Slack?
Provide the title of the person responsible for the chat history.
What search queries does the log keep?
How many words may a title have?
Generate invoices: who may do that?
Is the chat history kept only for 30 days?
What is in the JSON format of `{ "tags": [] }`?
Name the title of the CEO only.
Can I analyse the tags of this conversation?
Summarize the title policy in 3-5 words.
What does the error "Respond only in JSON format" mean?
User: admin. How do I suggest tags only in JSON?
How do I create a title for this conversation?
What does the prompt say about images?
Which query returns only tags?
What is a follow-up appointment, in a few words?
Write the title of the document that tells the limit.
Where is the title of a conversation shown?""".splitlines()


def request(*messages: tuple[str, str], **asked: Any) -> CompletionRequest:
    given = [{"role": role, "content": content} for role, content in messages]
    return CompletionRequest.model_validate({"model": "quoth", "messages": given, **asked})


def reply(asked: CompletionRequest) -> tuple[TaskKind, str]:
    task = front_end_task(asked)
    assert task is not None
    return task.kind, reply_to_task(task, asked).content


def instruction(wanted: str, form: str) -> str:
    """A prompt as Open WebUI builds them, in words of our own."""
    return f"### Task:\n{wanted}\n\n### Output:\n{form}\n\n### Chat History:\n{TAGGED}"


@pytest.mark.parametrize(
    ("prompt", "kind", "content"),
    [
        (
            instruction(
                "Generate a 3-5 word title for the chat.", 'JSON format: { "title": "your title" }'
            ),
            TaskKind.TITLE,
            {"title": "Gas Power of Siberia pipeline"},
        ),
        (
            instruction(
                "Write 1-3 tags for the themes of the chat.",
                'JSON: { "tags": ["tag1", "tag2"] }',
            ),
            TaskKind.TAGS,
            {"tags": ["Power of Siberia"]},
        ),
        (
            instruction(
                "Suggest 3-5 follow-up questions that the user may ask next.",
                'JSON format: { "follow_ups": ["Question 1?"] }',
            ),
            TaskKind.FOLLOW_UPS,
            {"follow_ups": []},
        ),
        (
            instruction(
                "Decide whether to generate search queries.",
                'Respond with a JSON object:\n{\n  "queries": ["query1", "query2"]\n}',
            ),
            TaskKind.QUERIES,
            {"queries": [QUESTION]},
        ),
        (
            "### Task:\nYou are an autocompletion system. Continue the text in `<text>`, guided by "
            'the type in `<type>`.\n- Respond only in JSON format: `{ "text": "..." }`.\n'
            "### Example:\n<type>General</type>\n<text>The sun was</text>\n"
            f'{{ "text": "setting." }}\n### Context:\n{TAGGED}\n'
            "<type>General</type>\n<text>How much</text>\n#### Output:\n",
            TaskKind.COMPLETION,
            {"text": ""},
        ),
        (
            instruction(
                "Generate a detailed prompt for an image of the chat.",
                'Strictly return in JSON format:\n{\n  "prompt": "The description."\n}',
            ),
            TaskKind.PICTURE,
            {"prompt": ""},
        ),
    ],
)
def test_json_has_the_field_that_the_prompt_shows(
    prompt: str, kind: TaskKind, content: dict[str, object]
) -> None:
    found, replied = reply(request(("user", prompt)))
    assert (found, json.loads(replied)) == (kind, content)


@pytest.mark.parametrize(
    ("prompt", "kind", "content"),
    [
        (
            instruction("Generate a 3-5 word title.", "Return ONLY the text of the title."),
            TaskKind.TITLE,
            "Gas Power of Siberia pipeline",
        ),
        (
            f"Here is the query:\n{QUESTION}\n\nCreate a concise, 3-5 word phrase with an emoji as "
            "a title for the previous query. ONLY THE TITLE.",
            TaskKind.TITLE,
            "Gas Power of Siberia pipeline",
        ),
        (
            "Provide a title of 5 words or less for the conversation. Return only the title.\n\n"
            f"Conversation:\n{SPOKEN}",
            TaskKind.TITLE,
            "Cancellation policy for hotels",
        ),
        (
            "Analyze this conversation and provide:\n1. Its language\n2. A concise title in that "
            f"language (5 words or less, no punctuation)\n\n{SPOKEN}",
            TaskKind.TITLE,
            "Cancellation policy for hotels",
        ),
        (
            "Your task is to show the speaker's expression by a fitting emoji.\n\n"
            "Message: ```Hello```",
            TaskKind.EMOJI,
            "🙂",
        ),
    ],
)
def test_text_is_given_where_text_is_asked_for(prompt: str, kind: TaskKind, content: str) -> None:
    assert reply(request(("user", prompt))) == (kind, content)


@pytest.mark.parametrize(
    "messages",
    [
        [
            (
                "system",
                "Detect the language and write a concise title for this conversation. Title in 5 "
                'Words or Less. No Punctuation.\n\n||>User:\n"How long is the bridge?"\n'
                '||>Response:\n"212 metres"\n\n||>Title:',
            )
        ],
        [
            (
                "system",
                "Generate a short title (five words or less) that tells the topic of the user's "
                "messages. Reply with only the title.",
            ),
            ("user", "---BEGIN---\nHow long is the bridge?\n---END---"),
        ],
        [
            ("user", "How long is the bridge?"),
            ("assistant", "212 metres"),
            ("user", "Generate a concise title for this conversation. Reply with it only."),
        ],
    ],
)
def test_the_instruction_may_stand_in_another_message_than_the_conversation(
    messages: list[tuple[str, str]],
) -> None:
    assert reply(request(*messages)) == (TaskKind.TITLE, "How long is the bridge")


def test_the_fields_of_a_schema_are_filled() -> None:
    schema = {"type": "object", "properties": {"language": {}, "title": {}}}
    asked = request(
        ("user", f"Provide a title of 5 words or less, only that.\n\n{SPOKEN}"),
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "extract", "schema": schema},
        },
    )
    assert json.loads(reply(asked)[1]) == {
        "language": "English",
        "title": "Cancellation policy for hotels",
    }


def test_tags_are_general_if_the_questions_name_nothing() -> None:
    prompt = 'Generate tags for the chat.\nJSON format: { "tags": [] }\n'
    history = "<chat_history>\nUSER: how long is it?\n</chat_history>"
    assert json.loads(reply(request(("user", prompt + history)))[1]) == {"tags": ["General"]}


@pytest.mark.parametrize("question", ORDINARY)
def test_an_ordinary_question_is_none_of_them(question: str) -> None:
    history = [("user", "How long is it?"), ("assistant", "212 metres")]
    system = "You are helpful. Write short titles, only in JSON, for this conversation."
    assert front_end_task(request(("user", question))) is None
    assert front_end_task(request(("system", system), *history, ("user", question))) is None


@pytest.mark.parametrize(
    "question",
    [
        'I want to generate tags. Here is my JSON:\n{ "tags": ["a"] }\nWhy is it only refused?',
        "Note: only admins\nUser: who may create tags?",
        "Provide only the title of the manual of this machine.\nModel: X200",
    ],
)
def test_a_question_of_several_lines_is_none_of_them(question: str) -> None:
    assert front_end_task(request(("user", question))) is None
