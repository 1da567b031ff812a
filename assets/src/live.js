import { ready, typing } from "./dom.js";

// One stream for the page: a message names a topic, and the elements that show it reload themselves.
const HIDDEN = 30000; // a page nobody looks at for this long gives its connection back
let source = null, listening = "", timer = 0;
const waiting = new Set();

const topics = () => {
  const all = new Set((document.body.dataset.topics ?? "").split(",").filter(Boolean));
  document.querySelectorAll("[data-live]").forEach((el) => all.add(el.dataset.live));
  return [...all].sort().join(",");
};

function open() {
  const want = topics();
  if (want === listening) return;
  source?.close();
  source = null;
  listening = want;
  if (!want) return;
  // What changed between the reading of this page and now is told first.
  source = new EventSource(`${document.body.dataset.liveUrl}?topics=${encodeURIComponent(want)}&mark=${encodeURIComponent(document.body.dataset.liveMark ?? "")}`);
  source.onmessage = (e) => tell(JSON.parse(e.data));
}

function close() {
  source?.close();
  source = null;
  listening = "";
}

function tell(message) {
  document.dispatchEvent(new CustomEvent("entraide:live", { detail: message }));
  document.querySelectorAll(`[data-live="${CSS.escape(message.topic)}"]`).forEach(refresh);
}

// refresh asks el to reload, at most once in 300 ms, and not while somebody writes in it.
function refresh(el) {
  if (waiting.has(el)) return;
  waiting.add(el);
  const later = () => {
    if (el.contains(document.activeElement) && typing(document.activeElement)) {
      document.activeElement.addEventListener("blur", () => setTimeout(later), { once: true });
      return;
    }
    waiting.delete(el);
    if (el.isConnected) window.htmx.trigger(el, "live");
  };
  setTimeout(later, 300);
}

// A region marked data-stick that shows its end still does when something is added.
document.addEventListener("htmx:before:swap", () => document.querySelectorAll("[data-stick]").forEach((el) => { el.atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < 40; }));
document.addEventListener("htmx:after:settle", () => document.querySelectorAll("[data-stick]").forEach((el) => { if (el.atEnd) el.scrollTop = el.scrollHeight; }));

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) timer = setTimeout(close, HIDDEN);
  else if (!source) { open(); document.querySelectorAll("[data-live]").forEach(refresh); }
});
addEventListener("pagehide", close);
addEventListener("pageshow", (e) => { if (e.persisted) { open(); document.querySelectorAll("[data-live]").forEach(refresh); } });
ready(() => { if (document.body.dataset.liveUrl && !document.hidden) open(); });
