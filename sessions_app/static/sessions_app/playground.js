/* The playground's forms are empty again once their line was sent, and the newest line is in sight. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  document.body.addEventListener("htmx:wsAfterSend", (event) => event.target.closest("form")?.reset());
  for (const list of document.querySelectorAll(".talk")) {
    new MutationObserver(() => { list.scrollTop = list.scrollHeight; }).observe(list, { childList: true });
  }
});
