import { make, typing } from "./dom.js";

// The desk without a mouse. Pages declare their keys as data-key on buttons and links.
const rows = () => [...document.querySelectorAll("[data-row]")].filter((r) => r.checkVisibility?.() ?? true);

function move(step) {
  const all = rows();
  if (!all.length) return;
  let at = all.findIndex((r) => r === document.activeElement);
  if (at < 0) at = all.findIndex((r) => r.hasAttribute("aria-current"));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(key) {
  const el = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((b) => !b.disabled);
  if (!el) return false;
  el.click();
  const goal = el.dataset.focusOn ? document.querySelector(el.dataset.focusOn) : el.matches("input") ? el.closest(".composer")?.querySelector("textarea") : null;
  goal?.focus();
  return true;
}

// showKeys adds what the buttons of the page declare to the list of keys.
function showKeys() {
  const dialog = document.getElementById("keys"), list = dialog?.querySelector("[data-keys]");
  if (!list) return;
  list.querySelectorAll("[data-declared]").forEach((li) => li.remove());
  const seen = new Set();
  document.querySelectorAll("[data-key]").forEach((b) => {
    const label = b.getAttribute("aria-label") || (b.closest("label") ?? b).textContent.trim();
    if (seen.has(b.dataset.key) || !label) return;
    seen.add(b.dataset.key);
    list.append(make("li", { class: "flex items-center justify-between gap-4", "data-declared": true }, make("span", {}, label), make("kbd", { class: "kbd" }, b.dataset.key.toUpperCase())));
  });
  dialog.showModal();
}

const own = {
  j: () => move(1),
  k: () => move(-1),
  x: () => document.activeElement?.closest(".lrow-box")?.querySelector("input[type=checkbox]")?.click(),
  "/": () => { const f = document.querySelector("[data-desk-search]"); if (f) f.focus(); else document.dispatchEvent(new Event("entraide:palette")); },
  "?": showKeys,
};

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || e.isComposing || typing(e.target) || document.querySelector("dialog[open], :popover-open")) return;
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  if (press(key)) e.preventDefault();
  else if (own[key]) { e.preventDefault(); own[key](); }
});
// Escape leaves the text, so that the keys work again.
document.addEventListener("keydown", (e) => { if (e.key === "Escape" && typing(e.target) && !e.defaultPrevented && !document.querySelector("dialog[open]")) e.target.blur(); });
