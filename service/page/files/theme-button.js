// The button that cycles through the themes: the system's, light, dark.

import { part } from "./dom.js";

const NAMES = { system: "the system’s", light: "light", dark: "dark" };

/** Make the button work. */
export function startTheme() {
  const button = part("theme");
  show(button, document.documentElement.dataset.theme ?? "system");
  button.addEventListener("click", () => {
    const themes = Object.keys(NAMES);
    const present = document.documentElement.dataset.theme ?? "system";
    choose(button, themes[(themes.indexOf(present) + 1) % themes.length]);
  });
}

function choose(button, theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("quoth-theme", theme);
  } catch {
    // Storage is switched off: the choice holds for this visit.
  }
  show(button, theme);
}

function show(button, theme) {
  button.querySelector("use").setAttribute("href", `#theme-${theme}`);
  button.setAttribute("aria-label", `Colours: ${NAMES[theme]}. Change`);
  button.title = `Colours: ${NAMES[theme]}`;
}
