// The blocks of a document as units, the pieces that the page draws. All offsets are in UTF-16
// units.

import { countBelow, LIST_MARK, markerOf, Offsets, safeCut } from "./text.js";

const LONGEST_PIECE = 3000;
const LONGEST_ROW = 20_000;
const LONGEST_MARKER = 40;
const CODE_LINES = 40;
const SAMPLED_ROWS = 300;
const WIDEST_COLUMN = 40;
const SPACES_PER_LEVEL = 2;

const ONLY_MARKS = /^[\s#|]*$/;
const HASHES = /^\s*#{1,6}[ \t]+/;
const FENCE = /^\s*(?:```|~~~)/;
const TERM = /^([^\n]{1,200}?)(?::\s+|(?<=[?!])\s+)/;
const ENTRY = /^(.*?)[\s.·…]+(\d{1,5}|[ivxlc]{1,7})$/i;
const FIGURE = /^[\s\p{Sc}()+−–-]*\d[\d\s.,:/'’]*[\s\p{Sc}%)]*$/u;

/** What stands between the parts of a unit on the clipboard. */
const SEPARATORS = { row: "\t", definition: ": ", field: ": ", contents: " " };

/**
 * A document's text as units, which together show all of it but its marks.
 *
 * A unit has a `kind`: one of the kinds of blocks, or "page" for the start of a page, which has a
 * `number` and no text. Its `parts` are the spans that are shown, in order: the cells of a row, the
 * lines of code, a term and its definition, and one for most kinds. `depth` is the number of lists
 * around it. `marker` is the mark of a list item, null for what belongs to the item before it. A
 * unit that `isContinued` is the rest of the one before it, and one that `isDefining` belongs to
 * the definition before it. Rows share their `table`.
 */
export class Outline {
  /** `found`: a document as the service describes it. */
  constructor({ text, blocks = [], pages = [], original = false, media_type = null }) {
    this.text = text;
    this.hasPageImages = original && media_type === "application/pdf" && pages.length > 0;
    this.offsets = new Offsets(text);
    this.units = [];
    this.pages = pages.map(({ number, start }) => ({
      number,
      start: this.offsets.unitAt(start),
    }));
    this.pagesShown = 0;
    this.end = 0;
    const all = blocks.map((block) => ({
      ...block,
      start: this.offsets.unitAt(block.start),
      end: this.offsets.unitAt(block.end),
    }));
    for (let index = 0; index < all.length;) {
      const block = all[index];
      const first = index + 1;
      index = first;
      if (block.kind === "table" || block.kind === "row")
        while (index < all.length && all[index].start < block.end) index += 1;
      this.add(block, all.slice(first, index));
    }
    this.loose(this.end, text.length);
  }

  /** The index of the first unit that ends after an offset. */
  indexAt(offset) {
    return countBelow(this.units.length, (index) => this.units[index].end <= offset);
  }

  /** The text between two offsets as it is shown, for the clipboard. */
  readable(from, to) {
    let written = "";
    let last = from;
    for (let index = this.indexAt(from); index < this.units.length; index += 1) {
      const unit = this.units[index];
      if (unit.start >= to) break;
      const parts = unit.parts.filter(({ start, end }) => start < to && from < end);
      if (!parts.length) continue;
      if (written) written += breakIn(this.text.slice(last, unit.start));
      if (unit.marker && from <= unit.start)
        written += `${"  ".repeat(unit.depth - 1)}${unit.marker} `;
      written += parts
        .map(({ start, end }) => this.text.slice(Math.max(start, from), Math.min(end, to)))
        .join(SEPARATORS[unit.kind] ?? "");
      last = unit.end;
    }
    return written.trim();
  }

  /** Add the units of a block, and of the text before it that is in no block. */
  add(block, inner) {
    const { marker, indent, start } = this.lead(block);
    if (start >= block.end) return;
    const before = this.units.at(-1) ?? { depth: 0, isDefining: false };
    // What is indented below a definition belongs to it.
    const isDefining =
      block.kind !== "definition" &&
      indent >= SPACES_PER_LEVEL &&
      (before.isDefining || (before.kind === "definition" && before.depth === 0));
    const around = Math.floor(indent / SPACES_PER_LEVEL) - (isDefining ? 1 : 0);
    let depth = Math.min(before.depth, around);
    if (marker !== null) depth = 1 + around;
    if (block.kind === "list_item") depth = block.level ?? 1;
    const unit = { kind: block.kind, level: block.level ?? 1, depth, marker, isDefining };
    const split = SPLIT[block.kind];
    if (block.kind === "table" || block.kind === "row") this.table(unit, block, inner);
    else if (block.kind === "code") this.code(unit, block, indent);
    else if (split && block.end - start <= LONGEST_PIECE)
      this.push({ ...unit, parts: split(this.text, start, block.end) });
    else this.pieces(unit, start, block.end);
    this.end = block.end;
  }

  /**
   * What stands before a block on its line: the mark of a list item, else null, and by how many
   * spaces it is indented. Anything else there belongs to the block, which starts with it.
   */
  lead(block) {
    const before = this.text.slice(this.end, block.start);
    const line = before.lastIndexOf("\n") + 1;
    if (line) this.loose(this.end, this.end + line - 1);
    const lead = before.slice(line);
    const indent = lead.length - lead.trimStart().length;
    const start = Math.max(block.start, this.end);
    if (ONLY_MARKS.test(lead)) return { marker: null, indent, start };
    const isMark =
      block.kind === "list_item" ? lead.length <= LONGEST_MARKER : LIST_MARK.test(lead);
    if (isMark && block.kind !== "heading") return { marker: markerOf(lead), indent, start };
    const hashes = HASHES.exec(lead)?.[0].length ?? indent;
    return { marker: null, indent, start: this.end + line + hashes };
  }

  /** Add text that is in no block, line by line. It may begin with the rest of a block's line. */
  loose(from, to) {
    let start = from;
    for (const line of this.text.slice(from, to).split("\n")) {
      const isRest = start === from && from > 0;
      if (line.trim() && !(isRest && ONLY_MARKS.test(line)))
        this.pieces(
          { kind: "paragraph", level: 1, depth: 0, marker: null },
          start,
          start + line.length,
        );
      start += line.length + 1;
    }
  }

  /** Add running text, cut where a page starts and where it would be too much to lay out. */
  pieces(unit, from, to) {
    for (let start = from; start < to;) {
      const page =
        this.pages[countBelow(this.pages.length, (at) => this.pages[at].start <= start)];
      const end = cut(this.text, start, Math.min(to, page?.start ?? to));
      this.push({
        ...unit,
        marker: start === from ? unit.marker : null,
        isContinued: start > from,
        parts: [{ start, end }],
      });
      start = end;
      while (this.text[start] === "\n") start += 1;
    }
  }

  /** Add code without its fences, and without the spaces before all of its lines. */
  code(unit, block, indent) {
    const lines = [];
    for (let start = block.start - indent; start < block.end;) {
      const newline = this.text.indexOf("\n", start);
      const end = newline < 0 || newline >= block.end ? block.end : newline + 1;
      lines.push({ start, end });
      start = end;
    }
    const isFence = (line) => line && FENCE.test(this.text.slice(line.start, line.end));
    if (isFence(lines[0])) {
      lines.shift();
      if (isFence(lines.at(-1))) lines.pop();
    }
    let common = Infinity;
    for (const { start, end } of lines) {
      const spaces = this.text.slice(start, end).search(/\S/);
      if (spaces >= 0) common = Math.min(common, spaces);
    }
    let parts = [];
    let isContinued = false;
    const finish = () => {
      if (parts.length) this.push({ ...unit, parts, isContinued });
      isContinued ||= parts.length > 0;
      parts = [];
    };
    for (const { start, end } of lines) {
      // A line keeps its end, which sets it apart on the page too.
      for (let from = Math.max(block.start, Math.min(start + common, end - 1)); from < end;) {
        const stop = end - from > LONGEST_PIECE ? safeCut(this.text, from + LONGEST_PIECE) : end;
        if (parts.length === CODE_LINES || stop - (parts[0]?.start ?? stop) > LONGEST_PIECE)
          finish();
        parts.push({ start: from, end: stop });
        from = stop;
      }
    }
    finish();
  }

  /** Add the rows of a table. A row that would be too much to lay out becomes paragraphs. */
  table(unit, block, inner) {
    const rows = inner.filter(({ kind }) => kind === "row");
    const table = { columns: [], head: null, rows: 0 };
    const sample = [];
    let next = 0;
    for (const row of rows.length ? rows : [block]) {
      const cells = [];
      for (; next < inner.length && inner[next].start < row.end; next += 1)
        if (inner[next].kind === "cell") cells.push(inner[next]);
      const parts = cells.length ? cellParts(this.text, row, cells) : barParts(this.text, row);
      if (row.end - row.start > LONGEST_ROW) {
        for (const { start, end } of parts)
          this.pieces({ ...unit, kind: "paragraph" }, start, end);
        continue;
      }
      const drawn = { ...unit, kind: "row", parts, table, isHead: row.head === true };
      if (!parts.length) continue;
      this.push(drawn);
      unit = { ...unit, marker: null };
      table.rows += 1;
      if (drawn.isHead && table.rows === 1) table.head = drawn;
      if (sample.length < SAMPLED_ROWS) sample.push(drawn);
    }
    table.columns = columnsOf(this.text, sample);
  }

  push(unit) {
    unit.start = unit.parts[0].start;
    unit.end = unit.parts.at(-1).end;
    for (; this.pages[this.pagesShown]?.start <= unit.start; this.pagesShown += 1) {
      const { number } = this.pages[this.pagesShown];
      const { start } = unit;
      this.units.push({ kind: "page", number, start, end: start, parts: [], depth: 0 });
    }
    this.units.push(unit);
  }
}

const SPLIT = {
  definition: atTerm,
  field: atTerm,
  contents(text, start, end) {
    const entry = ENTRY.exec(text.slice(start, end));
    if (!entry) return [{ start, end }];
    return [
      { start, end: start + entry[1].length },
      { start: end - entry[2].length, end },
    ];
  },
};

/** A term or a label, and what it stands for. Without a term there is one part. */
function atTerm(text, start, end) {
  const term = TERM.exec(text.slice(start, end));
  if (!term || start + term[0].length >= end) return [{ start, end }];
  return [
    { start, end: start + term[1].length },
    { start: start + term[0].length, end },
  ];
}

/** The cells of a row. Text between them that is no mark belongs to the cell after it. */
function cellParts(text, row, cells) {
  let last = row.start;
  return cells.map(({ start, end, level = 1, columns = 1, head = false }) => {
    const loose = text.slice(last, start).search(/[^\s|]/);
    const part = {
      start: loose < 0 ? start : last + loose,
      end,
      column: level,
      columns,
      isHead: head,
    };
    last = end;
    return part;
  });
}

/** The cells of a row of which only the text is known. */
function barParts(text, row) {
  const line = text.slice(row.start, row.end);
  const bar = line.includes(" | ") ? " | " : "|";
  const parts = [];
  let [start, column] = [row.start, 1];
  for (const cell of line.split(bar)) {
    const first = start + cell.length - cell.trimStart().length;
    const end = first + cell.trim().length;
    if (end > first)
      parts.push({ start: first, end, column, columns: 1, isHead: row.head === true });
    start += cell.length + bar.length;
    column += 1;
  }
  return parts;
}

/** The width of each column in characters, and whether it holds figures, by its first rows. */
function columnsOf(text, rows) {
  const columns = [];
  for (const { parts, isHead } of rows) {
    for (const { start, end, column, columns: covered } of parts) {
      for (let at = columns.length; at < column + covered - 1; at += 1)
        columns.push({ width: 4, figures: 0, words: 0 });
      const shown = columns[column - 1];
      if (covered > 1) continue;
      shown.width = Math.max(shown.width, Math.min(end - start, WIDEST_COLUMN));
      if (!isHead)
        shown[FIGURE.test(text.slice(start, Math.min(end, start + 40))) ? "figures" : "words"] +=
          1;
    }
  }
  return columns.map(({ width, figures, words }) => ({ width, isFigures: figures > words }));
}

/** Where the piece of a text that starts at `start` ends: at a line or a word, `end` at most. */
function cut(text, start, end) {
  if (end - start > LONGEST_PIECE) {
    const limit = safeCut(text, start + LONGEST_PIECE);
    const least = start + LONGEST_PIECE / 2;
    const newline = text.lastIndexOf("\n", limit);
    if (newline > least) return newline;
    const space = text.lastIndexOf(" ", limit - 1);
    return space > least ? space + 1 : limit;
  }
  // A page ends with white space, which is not shown.
  let last = end;
  while (text[last - 1] === "\n" && last > start + 1) last -= 1;
  return last;
}

function breakIn(between) {
  const lines = between.split("\n").length - 1;
  return "\n".repeat(Math.min(lines, 2));
}
