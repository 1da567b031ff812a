// pick moves the choice in a list of [role=option] and tells the field which one it is.
export function pick(list, field, step) {
  const options = [...list.querySelectorAll("[role=option]")];
  const at = options.findIndex((o) => o.getAttribute("aria-selected") === "true");
  const next = step === 0 ? 0 : (at + step + options.length) % options.length;
  options.forEach((o, k) => o.setAttribute("aria-selected", String(k === next)));
  const o = options[next];
  if (o) { field.setAttribute("aria-activedescendant", o.id); o.scrollIntoView({ block: "nearest" }); } else field.removeAttribute("aria-activedescendant");
}

export const picked = (list) => list.querySelector("[role=option][aria-selected=true]");
