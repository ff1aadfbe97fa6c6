// The button that switches between the themes: system, light and dark.

import { part } from "./dom.js";

const NAMES = { system: "system", light: "light", dark: "dark" };

/** Set up the button. */
export function startTheme() {
  const button = part("theme");
  show(button, document.documentElement.dataset.theme ?? "system");
  button.addEventListener("click", () => {
    const themes = Object.keys(NAMES);
    const current = document.documentElement.dataset.theme ?? "system";
    choose(button, themes[(themes.indexOf(current) + 1) % themes.length]);
  });
}

function choose(button, theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("quoth-theme", theme);
  } catch {
    // Storage is turned off, so the choice lasts until a reload.
  }
  show(button, theme);
}

function show(button, theme) {
  button.querySelector("use").setAttribute("href", `#theme-${theme}`);
  button.setAttribute("aria-label", `Colour theme: ${NAMES[theme]}. Change`);
  button.title = `Colour theme: ${NAMES[theme]}`;
}
