"""The service that questions are asked of: over an existing index, or over one made for the run."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from corpus.claims import IdClaims
from corpus.document import Document
from corpus.errors import StoreError
from corpus.load import find_files, read_document
from eval.errors import EvaluationError
from eval.sets.question import QuestionSet
from index.store.store import FILE_NAME
from service.answering.service import AnswerService, open_service
from service.settings import Settings


@contextmanager
def service_for(
    questions: QuestionSet, paths: Sequence[Path], settings: Settings
) -> Iterator[AnswerService]:
    """A service over the documents that the questions are about.

    These are the documents of the set itself, if it brings any; else those of the given files and
    folders, if there are any; else those of the index in the settings' folder.

    :raises EvaluationError: there is no index
    :raises StoreError: the files and folders hold no documents, or the index cannot be opened
    :raises DocumentError: a file cannot be read
    """
    if questions.documents or paths:
        documents = questions.documents or tuple(_read(paths, settings))
        with tempfile.TemporaryDirectory() as folder:
            own = settings.model_copy(update={"data_dir": Path(folder)})
            with open_service(own, writable=True) as service:
                service.collection.put(documents)
                yield service
    elif (settings.data_dir / FILE_NAME).is_file():
        with open_service(settings, writable=False) as service:
            yield service
    else:
        raise EvaluationError(
            f"{settings.data_dir}: there is no index here; name one with --data, or documents "
            "with --documents"
        )


def _read(paths: Sequence[Path], settings: Settings) -> list[Document]:
    claims = IdClaims()
    documents = []
    for file in find_files(paths):
        document = read_document(
            file.path, document_id=file.document_id, max_bytes=settings.max_document_bytes
        )
        claims.claim(document.id, str(file.path))
        documents.append(document)
    if not documents:
        raise StoreError(f"{', '.join(map(str, paths))}: there are no documents here")
    return documents
