import { on, ready } from "./dom.js";

// The summary of errors takes the focus once, so that it is read first.
ready(() => {
  const el = document.querySelector("[data-focus]");
  if (!el || el.closest("[data-still]")) return; // the gallery shows a summary without an error
  el.removeAttribute("data-focus");
  el.focus();
});

// A form sends once: the second press of an impatient finger is dropped. A form whose answer is a file stays on
// the page, so the guard ends after a while.
const GUARD = 5000;
const free = (form) => { delete form.dataset.sent; form.querySelectorAll("[aria-busy]").forEach((b) => b.removeAttribute("aria-busy")); };
document.addEventListener("submit", (e) => {
  const form = e.target;
  if (e.defaultPrevented || form.method === "dialog" || e.submitter?.formTarget) return; // a preview answers elsewhere
  if (form.dataset.sent) return e.preventDefault();
  form.dataset.sent = "1";
  e.submitter?.setAttribute("aria-busy", "true");
  setTimeout(free, GUARD, form);
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(free));

// Ctrl-Enter sends a message.
document.addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || !(e.ctrlKey || e.metaKey) || !e.target.matches?.("textarea")) return;
  const form = e.target.form, button = form?.querySelector("[data-send]");
  if (button) { e.preventDefault(); form.requestSubmit(button); }
});

// A button that types a key into the text of its form ("/" opens the models).
on("click", "[data-insert]", (el) => {
  const text = el.closest("form").querySelector("textarea");
  const before = text.value.slice(0, text.selectionStart);
  text.focus();
  text.setRangeText((before && !/\s$/.test(before) ? " " : "") + el.dataset.insert, text.selectionStart, text.selectionEnd, "end");
  text.dispatchEvent(new Event("input", { bubbles: true }));
});
