"""The assistant that OpenAI's clients talk to: it answers the last message of a conversation."""

from service.answering.service import AnswerService
from service.http.completion import Reply
from service.http.completion_message import as_message
from service.http.completion_request import CompletionRequest
from service.http.front_end_tasks import FrontEndTask, front_end_task, reply_to_task
from service.http.threads import Check
from service.question import Question


class Assistant:
    """Replies to one request, with an answer from the documents or with what a front end wants.

    :raises QuestionError: the question is not valid
    """

    def __init__(self, service: AnswerService, body: CompletionRequest, base_url: str) -> None:
        """An assistant for a request.

        :param base_url: the address of the service, without a slash at the end
        """
        self._service = service
        self._body = body
        self._base_url = base_url
        self._asked: FrontEndTask | Question = front_end_task(body) or body.to_question()

    def reply(self, watch: Check) -> Reply:
        """The reply.

        :param watch: called with the passages before they are read, if something is searched; an
            exception that it raises stops the work
        """
        if isinstance(self._asked, FrontEndTask):
            return Reply.to_task(reply_to_task(self._asked, self._body))
        record = self._service.ask(self._asked, watch).record
        return Reply.answering(record, as_message(record, self._base_url))

    def token_counts(self, reply: Reply) -> tuple[int, int]:
        """The numbers of tokens of the turns that were used and of the reply, as the encoder counts
        them.
        """
        texts = [message.text for message in self._body.messages]
        if isinstance(self._asked, Question):
            texts = [*(turn.text for turn in self._asked.history), self._asked.text]
        count = self._service.collection.searcher.encoder.token_spans
        return sum(map(len, count(texts))), sum(map(len, count([reply.content or ""])))
