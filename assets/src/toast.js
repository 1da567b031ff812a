import { icon, make, on } from "./dom.js";

// Short confirmations with an undo. They leave by themselves, but not while one points at them.
const region = document.getElementById("toasts");
const SHORT = 6, UNDO = 10; // seconds

function leave(card, seconds, count) {
  let left = seconds;
  const tick = setInterval(() => {
    if (!card.isConnected) return clearInterval(tick);
    if (card.matches(":hover, :focus-within")) return;
    left -= 1;
    if (count) count.textContent = ` (${left})`;
    if (left <= 0) { clearInterval(tick); card.remove(); }
  }, 1000);
}

export function toast({ text, undo, action, seconds, icon: name }) {
  if (!region || !text) return;
  const count = undo ? make("span", { "aria-hidden": "true", class: "tnum" }) : null;
  const card = make("div", { class: "toast-card", "data-toast": true }, icon(name || "circle-check"), make("span", { class: "flex-1" }, text),
    undo ? make("button", { type: "button", class: "cursor-pointer", "data-undo": undo }, action || region.dataset.undo, count) : null,
    make("button", { type: "button", class: "no-underline! cursor-pointer", "data-dismiss": true, "aria-label": region.dataset.close }, icon("x", "i i-sm")));
  region.append(card);
  leave(card, seconds || (undo ? UNDO : SHORT), count);
  return card;
}

on("click", "[data-dismiss]", (el) => el.closest("[data-toast]").remove());
on("click", "button[data-undo]", async (el) => {
  el.disabled = true;
  const card = el.closest("[data-toast]");
  try {
    const r = await fetch(el.dataset.undo, { method: "POST", headers: { "HX-Request": "true" } });
    if (!r.ok) throw new Error(String(r.status));
    card.remove();
    if (r.redirected) location.assign(r.url);
    else toast({ text: region.dataset.undone });
    // Whatever showed the undone thing reloads; a page without such an element loads again.
    const live = document.querySelectorAll("[data-live]");
    if (live.length) live.forEach((l) => window.htmx.trigger(l, "live"));
    else if (!r.redirected) location.reload();
  } catch {
    el.disabled = false;
    toast({ text: region.dataset.failed, icon: "circle-x" });
  }
});
document.querySelectorAll("[data-toast]").forEach((card) => leave(card, UNDO));

// From the server: HX-Trigger: {"toast": {…}}. From scripts: the same event on the document.
document.addEventListener("toast", (e) => toast(e.detail ?? {}));
// A refused or failed action says so, unless the answer does (a form again, a toast), the page has its own way,
// or a live element merely reloaded itself.
const SHOWN = [409, 422];
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  const el = ctx.sourceElement;
  if (SHOWN.includes(ctx.response.status) || ctx.hx?.trigger || el.dataset.live || el.getAttributeNames().some((n) => n.startsWith("hx-status"))) return;
  toast({ text: region?.dataset.failed, icon: "circle-x" });
});
document.addEventListener("htmx:error", (e) => e.target.dataset?.live || toast({ text: navigator.onLine ? region?.dataset.failed : region?.dataset.offline, icon: "wifi-off" }));
addEventListener("offline", () => toast({ text: region?.dataset.offline, icon: "wifi-off" }));
addEventListener("online", () => toast({ text: region?.dataset.online }));
