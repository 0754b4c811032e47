/* Swagger UI in the reader's colours, and usable by everybody: what it leaves unnamed is named. */
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  colour();
  dark.addEventListener("change", colour);
  const mend = () => {
    document.getElementById("servers")?.setAttribute("aria-label", "Server");
    // A link within a button can be reached by nobody without a mouse: the button does the same.
    for (const link of document.querySelectorAll(".opblock-summary-control a[href]")) link.removeAttribute("href");
  };
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(mend).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
  });
})();
