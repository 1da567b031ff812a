import { on } from "./dom.js";
import { pick, picked } from "./listbox.js";

// Ctrl-K: search, go and act from the keyboard.
const dialog = document.getElementById("palette");
const field = document.getElementById("palette-q"), list = document.getElementById("palette-list");
let timer = 0, asked = null;

async function load() {
  asked?.abort();
  asked = new AbortController();
  const on = document.querySelector("[data-on]")?.dataset.on ?? "";
  try {
    const r = await fetch(`${dialog.dataset.url}?q=${encodeURIComponent(field.value)}&on=${encodeURIComponent(on)}`, { headers: { "HX-Request": "true" }, signal: asked.signal });
    if (!r.ok) return;
    list.innerHTML = await r.text(); // our own server's fragment, escaped there; scripts in it do not run
    pick(list, field, 0);
  } catch (err) {
    if (err.name !== "AbortError") document.dispatchEvent(new CustomEvent("toast", { detail: { text: document.getElementById("toasts").dataset.offline, icon: "wifi-off" } }));
  }
}

function openPalette() {
  if (!dialog || dialog.open) return;
  field.value = "";
  dialog.showModal();
  field.focus();
  load();
}

function run(option) {
  if (!option) return;
  dialog.close();
  if (option.dataset.href) location.assign(option.dataset.href);
  else document.querySelector(`[data-key="${CSS.escape(option.dataset.press ?? "")}"]`)?.click();
}

if (dialog) {
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && !e.shiftKey && !e.altKey && e.key.toLowerCase() === "k") { e.preventDefault(); dialog.open ? dialog.close() : openPalette(); }
  });
  document.addEventListener("entraide:palette", openPalette);
  on("click", "[data-palette]", (el, e) => { if (!e.ctrlKey && !e.metaKey) { e.preventDefault(); openPalette(); } });
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(load, 120); });
  field.addEventListener("keydown", (e) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); pick(list, field, e.key === "ArrowDown" ? 1 : -1); }
    if (e.key === "Enter") { e.preventDefault(); run(picked(list)); }
  });
  list.addEventListener("click", (e) => run(e.target.closest("[role=option]")));
}
