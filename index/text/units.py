"""Units: the blocks that chunks are cut along, each with what stands above it that it needs to be
understood.
"""

from dataclasses import dataclass

from corpus.blocks import Block, BlockKind
from index.text.sentences import sentences
from index.text.shapes import answer_start, leads_in, question_end, term_end
from index.text.view import Extent, Heads, PartKind

_BETWEEN_ITEMS = (BlockKind.CODE, BlockKind.QUOTATION, BlockKind.CAPTION, BlockKind.FOOTNOTE)
"""What may stand between the items of a list."""

_MAY_ASK = (BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.DEFINITION)

_ANSWER_BLOCKS = 6
"""How many blocks after a question in a line of its own are read as its answer, at most."""

_FURTHER_BLOCKS = 3
"""The same where the answer begins in the block of the question."""

_MAX_SPACE = 20


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a row that holds a value, or a part of one, with what it is about.

    :param label: the words of its heads, which are read before it; empty if it has none
    """

    start: int
    end: int
    label: str
    heads: Heads


@dataclass(frozen=True, slots=True)
class UnitPart:
    """A stretch of a block, as a span of the document."""

    start: int
    end: int
    kind: PartKind


@dataclass(frozen=True, slots=True)
class Unit:
    """A block that chunks are cut along: a row, or any block outside tables but a heading.

    :param start: where its text begins: the first row below the heads of a table begins with them
    :param context: spans before the block that it needs to be understood, outermost first: the
        question that it answers, the lead-ins of its list, or the caption of its table
    :param cells: of a row, those that are not empty; none if the row is read as it stands
    :param parts: of any other block, the stretches that no quote crosses, in order
    :param is_asked: whether it is a question or the answer to one that stands below the heading
    :param group: where the list, the answer or the definition begins that chunks keep whole where
        they can; None for other blocks
    """

    block: Block
    start: int
    context: tuple[Extent, ...] = ()
    cells: tuple[Cell, ...] = ()
    parts: tuple[UnitPart, ...] = ()
    group: int | None = None
    is_asked: bool = False


class Surroundings:
    """What stands above the blocks of a document, followed from block to block."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._question: Extent | None = None
        self._answered = 0
        self._caption: Extent | None = None
        # The lead-in of a list with level 0, and the items above the next one with their levels.
        self._above: list[tuple[int, Extent]] = []
        self._list_start: int | None = None

    def of_table(self) -> tuple[Extent, ...]:
        """What the rows of the table that follows are read with."""
        above = [span for _, span in self._above]
        if self._caption is not None:
            above.append(self._caption)
        context = (*self._asked(), *above)
        self._answered += 1
        self._leave(block=None)
        return context

    def unit(self, block: Block, item: Block | None) -> Unit:
        """The block that follows, as a unit.

        :param item: the block after it if that is an item of a list
        """
        if block.kind is BlockKind.HEADING:
            self._question = None
            self._leave(block)
            return plain_unit(block)
        if block.kind in _MAY_ASK:
            is_defined = block.kind is BlockKind.DEFINITION
            asked = question_end(self._text, block.start, block.end, is_defined=is_defined)
            if asked is not None:
                return self._asking(block, asked)
        if block.kind is BlockKind.LIST_ITEM:
            return self._item(block, item)
        if block.kind is BlockKind.DEFINITION:
            # An entry of its own does not answer the question above it.
            self._question = None
        return self._other(block, item)

    def _asked(self) -> tuple[Extent, ...]:
        """The question that the block that follows may answer."""
        if self._question is None or self._answered >= _ANSWER_BLOCKS:
            return ()
        return (self._question,)

    def _leave(self, block: Block | None) -> None:
        """Forget the caption, and the list unless this block may stand inside it."""
        self._caption = None
        if block is None or block.kind not in _BETWEEN_ITEMS:
            self._above, self._list_start = [], None

    def _asking(self, block: Block, asked: int) -> Unit:
        """A block that begins with a question, or is one."""
        question = self._before_space(block.start, asked)
        self._question = question
        self._answered = 0 if asked == block.end else _ANSWER_BLOCKS - _FURTHER_BLOCKS
        self._leave(block)
        parts = [UnitPart(*question, PartKind.QUESTION)]
        if asked < block.end:
            answer = answer_start(self._text, asked, block.end)
            parts.append(UnitPart(answer, block.end, PartKind.TEXT))
        return Unit(block, block.start, parts=tuple(parts), group=block.start, is_asked=True)

    def _item(self, block: Block, item: Block | None) -> Unit:
        self._caption = None
        self._above = [each for each in self._above if each[0] < block.level]
        if self._list_start is None:
            self._list_start = self._above[0][1][0] if self._above else block.start
        spans = tuple(span for _, span in self._above)
        self._above.append((block.level, (block.start, block.end)))
        leads = item is not None and item.level > block.level
        part = UnitPart(block.start, block.end, PartKind.LEAD_IN if leads else PartKind.ITEM)
        asked = self._asked()
        return Unit(
            block,
            block.start,
            (*asked, *spans),
            parts=(part,),
            group=self._list_start,
            is_asked=bool(asked),
        )

    def _other(self, block: Block, item: Block | None) -> Unit:
        """A block that is no item, heading or question."""
        asked = self._asked()
        self._answered += 1
        self._leave(block)
        context = asked
        group = asked[0][0] if asked else None
        parts: tuple[UnitPart, ...] = plain_unit(block).parts
        if block.kind in (BlockKind.CODE, BlockKind.QUOTATION):
            # "Run this command:" is read before the command.
            context = (*asked, *(span for _, span in self._above))
        elif block.kind is BlockKind.CAPTION:
            self._caption = (block.start, block.end)
        elif block.kind is BlockKind.FOOTNOTE:
            parts = (UnitPart(block.start, block.end, PartKind.FOOTNOTE),)
        elif block.kind in (BlockKind.DEFINITION, BlockKind.FIELD):
            group = block.start
            parts = self._explained(block)
        elif block.kind is BlockKind.PARAGRAPH:
            parts = self._paragraph(block, is_answer=bool(asked), is_list_next=item is not None)
            if parts[-1].kind is PartKind.LEAD_IN:
                group = parts[-1].start
                self._above = [(0, (parts[-1].start, parts[-1].end))]
        return Unit(block, block.start, context, parts=parts, group=group, is_asked=bool(asked))

    def _explained(self, block: Block) -> tuple[UnitPart, ...]:
        """The term of a definition or the label of a field, and what stands after it."""
        explained = term_end(self._text, block.start, block.end)
        if explained == block.start:
            return plain_unit(block).parts
        return (
            UnitPart(*self._before_space(block.start, explained), PartKind.TERM),
            UnitPart(explained, block.end, PartKind.TEXT),
        )

    def _paragraph(
        self, block: Block, *, is_answer: bool, is_list_next: bool
    ) -> tuple[UnitPart, ...]:
        """The parts of a paragraph, of which the last may lead into what follows."""
        start, end = block.start, block.end
        if is_answer:
            start = answer_start(self._text, start, end)
        last = (start, end)
        if is_list_next or leads_in(self._text, start, end, before_list=False):
            inside = sentences(self._text, start, end)
            last = inside[-1] if inside else last
        if not leads_in(self._text, *last, before_list=is_list_next):
            return (UnitPart(start, end, PartKind.TEXT),)
        lead_in = UnitPart(*last, PartKind.LEAD_IN)
        if last[0] == start:
            return (lead_in,)
        return (UnitPart(*self._before_space(start, last[0]), PartKind.TEXT), lead_in)

    def _before_space(self, start: int, end: int) -> Extent:
        """A span without the white space at its end."""
        before = self._text[max(start, end - _MAX_SPACE) : end]
        return start, end - len(before) + len(before.rstrip())


def plain_unit(block: Block) -> Unit:
    """A block that is read as it stands."""
    return Unit(block, block.start, parts=(UnitPart(block.start, block.end, PartKind.TEXT),))
