// Runs before the page is drawn, so that the wrong theme never flashes up.
try {
  const theme = localStorage.getItem("quoth-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is turned off, so the system's theme applies.
}
