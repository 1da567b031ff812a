// Helpers that the other files share.

// on listens on the document for events from elements that match, now or later.
export function on(type, selector, run) {
  document.addEventListener(type, (e) => {
    const el = e.target instanceof Element ? e.target.closest(selector) : null;
    if (el) run(el, e);
  });
}

// make creates an element with attributes and children; text stays text.
export function make(tag, attrs = {}, ...children) {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) if (v !== undefined && v !== false) el.setAttribute(k, v === true ? "" : v);
  el.append(...children.filter((c) => c != null));
  return el;
}

// icon draws an icon of the sprite, like ui.Icon.
export function icon(name, cls = "i") {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg"), use = document.createElementNS(ns, "use");
  svg.setAttribute("class", cls);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${document.body.dataset.icons}#i-${name}`);
  svg.append(use);
  return svg;
}

// typing tells whether el takes letters.
export const typing = (el) => el instanceof Element && (el.matches("textarea, select, [contenteditable=true]") || (el.matches("input") && !/^(checkbox|radio|button|submit|file|range|color)$/.test(el.type)));

// ready runs when the page is there and again after each swap.
export function ready(run) {
  run();
  document.addEventListener("htmx:after:settle", run);
}
