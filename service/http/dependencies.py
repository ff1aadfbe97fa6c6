"""What the routes share."""

from dataclasses import dataclass

from corpus.pool import ParserPool
from service.answering.service import AnswerService
from service.http.threads import Threads
from service.mirror.jobs import Jobs
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What every ``router(deps)`` of the HTTP service is made from.

    :param service: open, and closed by whoever opened it
    :param jobs: the uploads that are taken in the background
    :param pool: parses uploads, in processes of their own
    """

    service: AnswerService
    settings: Settings
    threads: Threads
    jobs: Jobs
    pool: ParserPool
