// Elements. Text of documents and people is inserted as text here, never as markup.

/**
 * An element with attributes and children; a string among the children becomes a text node. An
 * attribute that is a function listens to the event of its name ("onclick"); null and false are
 * left out.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? "" : value);
  }
  made.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return made;
}

/** An icon of the sprite in index.html, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
  svg.firstChild.setAttribute("href", `#${name}`);
  return svg;
}

/** Text of a document or a person, whose direction does not affect its surroundings. */
export function foreign(tag, text, attributes = {}) {
  return element(tag, { dir: "auto", ...attributes }, text);
}

/** The element with that id in index.html. */
export function part(id) {
  return document.getElementById(id);
}

let said = 0;

/** Let screen readers announce something. */
export function announce(text) {
  const announcer = part("announcer");
  const number = ++said;
  announcer.textContent = "";
  setTimeout(() => {
    if (number === said) announcer.textContent = text;
  }, 60);
}

/** Copy text, and show on the button that it was copied. */
export async function copyFrom(button, text) {
  const label = button.querySelector("span");
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    label.textContent = "The browser refused to copy";
  }
  announce(label.textContent);
  setTimeout(() => {
    label.textContent = before;
  }, 1800);
}
