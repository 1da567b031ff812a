import { make, on } from "./dom.js";
import { pick, picked } from "./listbox.js";

// In a text with data-suggest-url, "/" offers models, "#" articles and "@" people.
const TRIGGER = /(?:^|\s)([/#@])([^\s/#@]{0,40})$/;
let list = null, field = null, asked = null;

function close() {
  asked?.abort();
  list?.remove();
  list = null;
  field?.removeAttribute("aria-activedescendant");
  field?.removeAttribute("aria-controls");
}

const trigger = (text) => text.value.slice(0, text.selectionStart).match(TRIGGER);

async function offer(text) {
  const m = trigger(text);
  if (!m) return close();
  asked?.abort();
  asked = new AbortController();
  try {
    const r = await fetch(`${text.dataset.suggestUrl}?kind=${encodeURIComponent(m[1])}&q=${encodeURIComponent(m[2])}`, { headers: { "HX-Request": "true" }, signal: asked.signal });
    const html = r.ok ? await r.text() : "";
    if (!html.trim()) return close();
    list?.remove();
    field = text;
    list = make("div", { class: "suggest", role: "listbox", id: "suggest", "aria-label": text.labels?.[0]?.textContent || "" });
    list.innerHTML = html; // our own server's fragment, escaped there
    list.addEventListener("mousedown", (e) => { e.preventDefault(); insert(e.target.closest("[role=option]")); });
    text.parentElement.classList.add("relative");
    text.after(list);
    text.setAttribute("aria-controls", "suggest");
    pick(list, text, 0);
  } catch (err) {
    if (err.name !== "AbortError") close();
  }
}

function insert(option) {
  const m = field && trigger(field);
  if (!option || !m) return close();
  const start = field.selectionStart - m[1].length - m[2].length;
  field.setRangeText(`${option.dataset.text} `, start, field.selectionStart, "end");
  close();
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

on("input", "textarea[data-suggest-url]", (text) => offer(text));
on("focusout", "textarea[data-suggest-url]", close);
document.addEventListener("keydown", (e) => {
  if (!list || e.target !== field) return;
  if (e.key === "ArrowDown" || e.key === "ArrowUp") pick(list, field, e.key === "ArrowDown" ? 1 : -1);
  else if ((e.key === "Enter" && !e.ctrlKey && !e.metaKey) || e.key === "Tab") insert(picked(list));
  else if (e.key === "Escape") close();
  else return;
  e.preventDefault();
}, true);
