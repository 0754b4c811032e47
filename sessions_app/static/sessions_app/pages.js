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
  // What a server sends takes the place of what the reader may be in: the focus and the scrolled box stay.
  let place = null;
  const leave = (target) => {
    const at = document.activeElement;
    const box = target.querySelector?.(".ladder-box");
    place = null;
    if (!target.id || (!target.contains(at) && !box)) return;
    place = { id: target.id, left: box?.scrollLeft || 0, href: target.contains(at) ? at.getAttribute("href") : null };
  };
  const back = () => {
    if (!place) return;
    const target = document.getElementById(place.id);
    const box = target?.querySelector(".ladder-box");
    if (box) box.scrollLeft = place.left;
    const same = (each) => each.getAttribute("href") === place.href;
    if (place.href) [...(target?.querySelectorAll("a[href]") || [])].find(same)?.focus({ preventScroll: true });
    place = null;
  };
  const start = () => {
    localise(document);
    for (const name of document.querySelectorAll("[data-zone]")) {
      name.textContent = `${Intl.DateTimeFormat().resolvedOptions().timeZone} (${zone(new Date())})`;
    }
    document.body.addEventListener("htmx:load", (event) => localise(event.detail.elt.parentElement || document));
    document.body.addEventListener("htmx:oobBeforeSwap", (event) => leave(event.detail.target || event.target));
    document.body.addEventListener("htmx:oobAfterSwap", () => { localise(document); back(); });
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
