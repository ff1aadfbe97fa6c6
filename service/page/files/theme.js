// Runs before the page is drawn, so that the other theme never flashes up.
try {
  const theme = localStorage.getItem("quoth-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's theme applies.
}
