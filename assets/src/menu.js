import { on } from "./dom.js";

// A menu closes when something in it is chosen.
on("click", ".menu[popover] :is(a, button)", (el) => el.closest("[popover]").hidePopover());

// Browsers without CSS anchors need help to put a menu beside its button.
if (!CSS.supports("position-area: bottom")) {
  let button = null;
  on("click", "[popovertarget]", (el) => { button = el; });
  document.addEventListener("toggle", (e) => {
    const menu = e.target;
    if (e.newState !== "open" || !button || !menu.matches(".menu[popover]")) return;
    const at = button.getBoundingClientRect(), size = menu.getBoundingClientRect();
    const top = at.bottom + size.height + 4 > innerHeight ? at.top - size.height - 4 : at.bottom + 4;
    Object.assign(menu.style, { position: "fixed", inset: "auto", margin: 0, top: `${Math.max(4, top)}px`, left: `${Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8))}px` });
  }, true);
}
