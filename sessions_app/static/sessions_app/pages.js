/* Times in the reader's zone. Without this script they are in UTC, and everything works. */
"use strict";
(() => {
  const two = (number) => String(number).padStart(2, "0");
  const local = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const zone = (at) => {
    const off = -at.getTimezoneOffset();
    return `UTC${off < 0 ? "-" : "+"}${two(Math.floor(Math.abs(off) / 60))}:${two(Math.abs(off) % 60)}`;
  };
  const localise = (within) => {
    for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.dataset.local = "";
      time.title = `${local(at)}.${String(at.getMilliseconds()).padStart(3, "0")} ${zone(at)} (${time.title})`;
      if (time.dataset.clock !== undefined) time.textContent = local(at);
    }
    for (const text of within.querySelectorAll("svg text[data-at]:not([data-local])")) {
      const at = new Date(text.dataset.at);
      text.dataset.local = "";
      text.textContent = `${local(at).slice(11)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
    }
  };
  const start = () => {
    localise(document);
    for (const name of document.querySelectorAll("[data-zone]")) {
      name.textContent = `${Intl.DateTimeFormat().resolvedOptions().timeZone} (${zone(new Date())})`;
    }
    document.body.addEventListener("htmx:load", (event) => localise(event.detail.elt.parentElement || document));
    document.body.addEventListener("htmx:oobAfterSwap", () => localise(document));
    // An address without the fields that were left empty is one that can be read and kept.
    for (const form of document.querySelectorAll("form.search[method=get]")) {
      form.addEventListener("formdata", (event) => {
        for (const [name, value] of [...event.formData.entries()]) if (value === "") event.formData.delete(name);
      });
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
