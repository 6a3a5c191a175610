// Sets the chosen theme before anything is painted, so that nobody sees the wrong one flash.
(function () {
  try {
    var theme = JSON.parse(localStorage.getItem("baton.preferences") || "{}").theme;
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    /* Storage may be forbidden; the system's theme is right then. */
  }
})();
