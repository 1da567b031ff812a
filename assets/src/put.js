import { on } from "./dom.js";

// A text of the page goes into the answer being written, below what stands there.
on("click", "[data-put]", (el) => {
  const field = document.getElementById(el.dataset.put);
  if (!field) return;
  field.value = [field.value.trimEnd(), el.dataset.text].filter(Boolean).join("\n\n");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});
