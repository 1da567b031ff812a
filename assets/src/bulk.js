// <bulk-rows>: a bar with what can be done appears when rows are chosen; Shift chooses a range.
class BulkRows extends HTMLElement {
  connectedCallback() {
    if (this.ready) return;
    this.ready = true;
    this.bar = this.querySelector(".bulkbar");
    this.addEventListener("change", () => this.show());
    this.addEventListener("click", (e) => {
      if (e.target.closest("[data-clear]")) { this.boxes().forEach((b) => { b.checked = false; }); this.show(); }
      if (e.target.matches("input[name=id]")) this.range(e);
    });
    this.show();
  }

  boxes() { return [...this.querySelectorAll("input[name=id]")]; }

  range(e) {
    const all = this.boxes(), at = all.indexOf(e.target);
    if (e.shiftKey && this.last >= 0) all.slice(Math.min(at, this.last), Math.max(at, this.last) + 1).forEach((b) => { b.checked = e.target.checked; });
    this.last = at;
  }

  show() {
    const n = this.boxes().filter((b) => b.checked).length;
    const form = new Intl.PluralRules(document.documentElement.lang).select(n) === "one" ? "one" : "other";
    this.bar.querySelector("[data-count]").textContent = this.bar.dataset[form].replace("{n}", n);
    this.bar.hidden = n === 0;
  }
}
customElements.define("bulk-rows", BulkRows);
