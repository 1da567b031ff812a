// <draft-form data-draft-url>: keeps the form inside as one types. What the server has not confirmed stays in
// the browser and comes back with the page.
const REST = 800, RETRY = 5000, RETRY_MAX = 60000;

class DraftForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    if (!this.form || !this.dataset.draftUrl || this.ready) return;
    this.ready = true;
    this.key = `draft:${this.dataset.draftUrl}`;
    this.restore();
    this.addEventListener("input", () => this.changed());
    this.addEventListener("change", () => this.changed());
    this.form.addEventListener("submit", () => this.stop());
    this.form.addEventListener("htmx:error", () => this.changed());
    this.online = () => this.pending && this.save();
    addEventListener("online", this.online);
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    removeEventListener("online", this.online);
  }

  // fields are the texts and choices of the form; files and passwords are never kept.
  fields() {
    const out = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) {
      if (typeof value === "string" && !this.form.querySelector(`input[type=password][name="${CSS.escape(name)}"]`)) out.append(name, value);
    }
    return out;
  }

  changed() {
    this.pending = true;
    try { localStorage.setItem(this.key, this.fields().toString()); } catch { /* private mode or full: the server still gets it */ }
    this.wait(REST);
  }

  wait(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), delay);
  }

  async save() {
    clearTimeout(this.timer);
    const body = this.fields();
    this.pending = false;
    this.abort?.abort();
    this.abort = new AbortController();
    try {
      const r = await fetch(this.dataset.draftUrl, { method: "POST", body, signal: this.abort.signal });
      if (!r.ok) throw new Error(String(r.status));
      const text = r.status === 204 ? "" : (await r.text()).trim();
      if (!this.pending) localStorage.removeItem(this.key);
      this.delay = RETRY;
      this.say(text || this.dataset.saved);
    } catch (err) {
      if (err.name === "AbortError") return;
      this.pending = true;
      this.say(this.dataset.offline);
      this.delay = Math.min((this.delay ?? RETRY) * 2, RETRY_MAX);
      this.wait(this.delay);
    }
  }

  // stop forgets the draft: the form itself carries the text now.
  stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.pending = false;
    localStorage.removeItem(this.key);
  }

  restore() {
    const kept = localStorage.getItem(this.key);
    if (!kept) return;
    const values = new URLSearchParams(kept);
    let changed = false;
    for (const el of this.form.elements) {
      if (!el.name || el.type === "hidden" || el.type === "file" || el.type === "password" || !values.has(el.name)) continue;
      if (el.type === "checkbox" || el.type === "radio") {
        const checked = values.getAll(el.name).includes(el.value);
        changed ||= checked !== el.checked;
        el.checked = checked;
      } else if (el.value !== values.get(el.name)) {
        el.value = values.get(el.name);
        changed = true;
      }
    }
    if (changed) { this.say(this.dataset.restored); this.changed(); } else localStorage.removeItem(this.key);
  }

  say(text) {
    const note = this.querySelector("[data-draft-note] > span");
    if (note && note.textContent !== text) note.textContent = text;
  }
}
customElements.define("draft-form", DraftForm);
