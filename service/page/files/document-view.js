// A document's units as elements on the page. Every text on the page knows its position in the
// document.

import { element, icon } from "./dom.js";
import { directionOf } from "./text.js";

const SECTION_WEIGHT = 40;
const CHARACTERS_PER_LINE = 400;
const CELLS_PER_LINE = 4;
const DEEPEST_HEADING = 6;
const CELL_PADDING = 4;
const NARROW_TABLE = 76;
const MEDIUM_TABLE = 130;

/** Where each text node starts in the document's text, in UTF-16 units. */
const starts = new WeakMap();

/**
 * Sections for the units from `first` to before `last`, with the text of the mark in `mark`
 * elements. The browser lays out only the sections on the screen. A table that does not fit into
 * one goes on in the next, below a copy of its head.
 */
export function sectionsOf(outline, first, last, mark) {
  const sections = [];
  let drawing = null;
  for (let index = first; index < last; index += 1) {
    const unit = outline.units[index];
    const isSameTable = unit.table && unit.table === outline.units[index - 1]?.table;
    const limit = isSameTable ? 2 * SECTION_WEIGHT : SECTION_WEIGHT;
    if (!drawing || drawing.weight >= limit) {
      drawing = new Drawing(outline, mark);
      sections.push(drawing.section);
    }
    drawing.add(unit);
  }
  return sections;
}

/** About how many lines a unit takes. */
export function weightOf({ parts, start, end }) {
  return Math.max(1, parts.length / CELLS_PER_LINE, (end - start) / CHARACTERS_PER_LINE);
}

/**
 * The position in the document of one end of a selection inside `root`, in UTF-16 units; null if
 * there is none. What is not part of the text, such as the number of a page, is skipped: forwards
 * from the start of a selection, backwards from its end.
 */
export function offsetAt(root, node, offset, isEnd) {
  if (starts.has(node)) return starts.get(node) + offset;
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (text) =>
    starts.has(text) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP,
  );
  const inside = node.nodeType !== Node.TEXT_NODE ? node.childNodes[offset] : node;
  if (inside) texts.currentNode = inside;
  else {
    texts.currentNode = node;
    while (texts.currentNode.lastChild) texts.currentNode = texts.currentNode.lastChild;
  }
  const isThere = starts.has(texts.currentNode) && Boolean(inside) !== isEnd;
  const text = isThere ? texts.currentNode : isEnd ? texts.previousNode() : texts.nextNode();
  return text ? starts.get(text) + (isEnd ? text.length : 0) : null;
}

/** One section. Lists, tables and the like stay open for the units that belong to them. */
class Drawing {
  constructor(outline, mark) {
    this.outline = outline;
    this.text = outline.text;
    this.mark = mark;
    this.weight = 0;
    this.section = element("div", { class: "section" });
    this.base = this.section;
    this.lists = [];
    this.group = { key: null, parent: null, outer: null, inner: null };
  }

  add(unit) {
    this.weight += weightOf(unit);
    const parent = this.parentOf(unit);
    const draw = DRAWN[unit.kind] ?? DRAWN.paragraph;
    draw(this, unit, parent);
  }

  /** The section, or the definition or the list item that a unit belongs to. */
  parentOf({ depth, marker, parts, isDefining }) {
    const base = this.baseOf(isDefining);
    if (base !== this.base) this.lists = [];
    this.base = base;
    this.lists.length = Math.min(this.lists.length, depth);
    while (this.lists.length < depth) {
      const list = element("ul");
      (this.lists.at(-1)?.lastChild ?? base).append(list);
      this.lists.push(list);
      if (this.lists.length < depth) list.append(element("li"));
    }
    const list = this.lists.at(-1);
    if (!list) return base;
    if (marker !== null || !list.lastChild) {
      const start = this.text.slice(parts[0].start, parts[0].end);
      list.append(element("li", { "data-marker": marker, dir: directionOf(start) }));
    }
    return list.lastChild;
  }

  /** The definition that a unit belongs to, if it began in this section, else the section. */
  baseOf(isDefining) {
    const definitions = this.section.lastElementChild;
    if (!isDefining || definitions?.tagName !== "DL") return this.section;
    if (definitions.lastChild.tagName !== "DD") definitions.append(element("dd"));
    return definitions.lastChild;
  }

  /** The element that units with the same key and parent share, one after another. */
  shared(key, parent, make) {
    const isOpen =
      this.group.key === key &&
      this.group.parent === parent &&
      parent.lastChild === this.group.outer;
    if (!isOpen) {
      const { outer, inner } = make();
      parent.append(outer);
      this.group = { key, parent, outer, inner };
    }
    return this.group.inner;
  }

  /** An element with a part of the text. */
  part(tag, { start, end }, attributes = {}) {
    const node = element(tag, { dir: "auto", ...attributes });
    this.write(node, start, end);
    return node;
  }

  write(node, start, end) {
    const from = Math.min(Math.max(this.mark.start, start), end);
    const to = Math.min(Math.max(this.mark.end, from), end);
    for (const [first, last, isMarked] of [
      [start, from, false],
      [from, to, true],
      [to, end, false],
    ]) {
      if (first === last) continue;
      const text = document.createTextNode(this.text.slice(first, last));
      starts.set(text, first);
      node.append(isMarked ? element("mark", {}, text) : text);
    }
  }
}

const DRAWN = {
  paragraph(drawing, unit, parent) {
    const isContinued = unit.isContinued ? " continued" : "";
    parent.append(drawing.part("p", unit.parts[0], { class: `${unit.kind}${isContinued}` }));
  },
  heading(drawing, unit, parent) {
    // The title of the document has the level 2.
    const level = Math.min(unit.level + 1, DEEPEST_HEADING);
    parent.append(drawing.part(`h${level}`, unit.parts[0]));
  },
  page(drawing, { number }, parent) {
    const label = `Page ${number}`;
    const show = element(
      "button",
      { type: "button", class: "plain small", "data-page": number },
      icon("sheet"),
      element("span", {}, label),
    );
    const isShown = drawing.outline.hasPageImages;
    parent.append(element("div", { class: "page-start" }, isShown ? show : label));
  },
  quotation(drawing, unit, parent) {
    const quotation = drawing.shared("quotation", parent, () => {
      const node = element("blockquote");
      return { outer: node, inner: node };
    });
    DRAWN.paragraph(drawing, unit, quotation);
  },
  code(drawing, unit, parent) {
    const code = element("code");
    for (const { start, end } of unit.parts) drawing.write(code, start, end);
    const isContinued = unit.isContinued ? "continued" : null;
    parent.append(element("pre", { class: isContinued, tabindex: "0", dir: "ltr" }, code));
  },
  definition(drawing, unit, parent) {
    const list = drawing.shared("definition", parent, () => {
      const node = element("dl");
      return { outer: node, inner: node };
    });
    const [term, ...rest] = unit.parts;
    list.append(
      drawing.part(unit.isContinued ? "dd" : "dt", term),
      ...rest.map((part) => drawing.part("dd", part)),
    );
  },
  field(drawing, unit, parent) {
    const fields = drawing.shared("field", parent, () => {
      const node = element("dl", { class: "fields" });
      return { outer: node, inner: node };
    });
    const [label, ...rest] = unit.parts;
    fields.append(
      drawing.part(unit.isContinued ? "dd" : "dt", label),
      ...rest.map((part) => drawing.part("dd", part)),
    );
  },
  contents(drawing, unit, parent) {
    const [entry, ...number] = unit.parts;
    const line = element("p", {
      class: "contents",
      dir: directionOf(drawing.text.slice(entry.start, entry.end)),
    });
    line.append(drawing.part("span", entry), ...number.map((part) => drawing.part("span", part)));
    parent.append(line);
  },
  row(drawing, unit, parent) {
    const body = drawing.shared(unit.table, parent, () => tableOf(drawing, unit));
    body.append(rowOf(drawing, unit));
  },
};

/** A table, with a copy of its head if it goes on from the section before. */
function tableOf(drawing, unit) {
  const { table } = unit;
  const { columns, head } = table;
  const isFirst = head === null || head === unit;
  const isLong = table.rows > SECTION_WEIGHT;
  const widths = columns.map(({ width }) => width + CELL_PADDING);
  const whole = widths.reduce((sum, width) => sum + width, 0);
  const body = element("tbody");
  const node = element("table", {
    class: isLong ? "long" : null,
    dir: directionOf(drawing.text.slice(unit.start, unit.end)),
  });
  if (isLong) {
    // The parts of a long table have the same columns.
    const shares = widths.map((width) => {
      const column = element("col");
      column.style.width = `${(100 * width) / whole}%`;
      return column;
    });
    node.style.minWidth = `${whole}ch`;
    node.append(element("colgroup", {}, shares));
  }
  if (!isFirst) {
    const copy = new Drawing(drawing.outline, { start: 0, end: 0 });
    const row = rowOf(copy, head);
    for (const text of textsIn(row)) starts.delete(text);
    node.append(element("thead", { class: "copy" }, row));
  }
  node.append(body);
  const size = whole <= NARROW_TABLE ? "narrow" : whole <= MEDIUM_TABLE ? "medium" : "wide";
  const attributes = {
    class: `table ${size}`,
    ...{ tabindex: "0", role: "group", "aria-label": "Table" },
  };
  return { outer: element("div", attributes, node), inner: body };
}

function rowOf(drawing, { parts, table, isHead }) {
  const row = element("tr", { class: isHead ? "head" : null });
  const last = table.columns.length;
  if (parts.length === 1 && parts[0].column === 1 && last > 1) {
    // A single text is the title of the rows below it.
    row.append(drawing.part(isHead ? "th" : "td", parts[0], { colspan: last, class: "title" }));
    return row;
  }
  let column = 1;
  for (const part of parts) {
    if (part.column > column) row.append(element("td", { colspan: part.column - column }));
    const isHeadCell = isHead || part.isHead;
    row.append(
      drawing.part(isHeadCell ? "th" : "td", part, {
        colspan: part.columns > 1 ? part.columns : null,
        scope: isHeadCell ? (isHead ? "col" : "row") : null,
        class: part.columns === 1 && table.columns[part.column - 1]?.isFigures ? "figure" : null,
      }),
    );
    column = part.column + part.columns;
  }
  if (column <= last) row.append(element("td", { colspan: last - column + 1 }));
  return row;
}

function* textsIn(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) yield walker.currentNode;
}
