import { on, ready } from "./dom.js";

on("click", "[data-dialog]", (el, e) => {
  const dialog = document.getElementById(el.dataset.dialog);
  if (!dialog) return;
  e.preventDefault();
  dialog.showModal();
});
on("click", "dialog [data-close]", (el) => el.closest("dialog").close());
// A click beside the box closes, unless something is written in it.
on("click", "dialog.modal", (dialog, e) => {
  if (e.target === dialog && ![...dialog.querySelectorAll("textarea")].some((t) => t.value !== t.defaultValue)) dialog.close();
});
ready(() => document.querySelectorAll("dialog[data-open]:not([open])").forEach((d) => { d.removeAttribute("data-open"); d.showModal(); }));

// The focus goes back to where it was; when that was nowhere in particular it would stay in a field that nobody sees any
// more, which takes every key for typing.
document.addEventListener("close", (e) => { if (e.target.contains(document.activeElement)) document.activeElement.blur(); }, true);

// Two texts to choose from: put one into the field that will be saved.
on("click", "[data-take]", (el) => {
  const field = document.getElementById(el.dataset.take);
  field.value = el.closest("div").parentElement.querySelector("[data-side]").textContent;
  field.focus();
});
