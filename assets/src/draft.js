// <draft-form data-draft-url data-draft-version>: keeps the form inside as one types. What the server has not confirmed
// stays in the browser and comes back with the page. Each save says which version of the draft this tab knows; when
// another tab was quicker (409), nothing is written over and the reader chooses between the two texts.
const REST = 800, RETRY = 5000, RETRY_MAX = 60000, TIMEOUT = 15000;

class DraftForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    if (!this.form || !this.dataset.draftUrl || this.ready) return;
    this.ready = true;
    this.key = `draft:${this.dataset.draftUrl}`;
    this.version = this.dataset.draftVersion;
    this.restore();
    this.addEventListener("input", () => this.changed());
    this.addEventListener("change", () => this.changed());
    this.form.addEventListener("submit", () => this.stop());
    this.form.addEventListener("htmx:error", () => { this.version = this.before; this.changed(); });
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
    if (this.saving) { this.pending = true; return; } // its answer says which version is the next
    this.abort = new AbortController();
    this.saving = true;
    try {
      const r = await fetch(this.dataset.draftUrl, { method: "POST", body, signal: AbortSignal.any([this.abort.signal, AbortSignal.timeout(TIMEOUT)]),
        headers: { "Draft-Version": this.version ?? this.dataset.draftVersion ?? "" } });
      if (r.status === 409 && r.headers.has("Draft-Version")) {
        this.clash(r.headers.get("Draft-Version"), await r.json());
        return;
      }
      if (!r.ok) throw new Error(String(r.status));
      this.version = r.headers.get("Draft-Version") ?? this.version;
      const text = r.status === 204 ? "" : (await r.text()).trim();
      if (!this.pending) localStorage.removeItem(this.key);
      this.delay = RETRY;
      this.say(text || this.dataset.saved);
      if (this.pending) this.wait(REST);
    } catch (err) {
      if (err.name === "AbortError") return;
      this.pending = true;
      this.say(this.dataset.offline);
      this.delay = Math.min((this.delay ?? RETRY) * 2, RETRY_MAX);
      this.wait(this.delay);
    } finally {
      this.saving = false;
    }
  }

  // clash shows the other text beside one's own and waits for a choice; what is typed stays in the browser.
  clash(version, { said, values }) {
    const box = this.querySelector("[data-draft-clash]");
    const other = new URLSearchParams();
    for (const [name, all] of Object.entries(values ?? {})) for (const v of all) other.append(name, v);
    const text = ["subject", "body", "text"].map((n) => other.get(n)).filter(Boolean).join("\n\n");
    const mine = this.fields();
    if (!box || ["subject", "body", "text"].every((n) => (mine.get(n) ?? "") === (other.get(n) ?? ""))) {
      this.version = version; // the same words: nothing to choose
      this.wait(0);
      return;
    }
    const end = () => { this.version = version; box.hidden = true; this.form.querySelector("textarea")?.focus(); };
    box.querySelector("[data-said]").textContent = said;
    box.querySelector("[data-other]").hidden = !text;
    box.querySelector("[data-other] p").textContent = text;
    const take = box.querySelector("[data-take]");
    take.hidden = !text;
    take.onclick = () => { end(); this.fill(other); localStorage.removeItem(this.key); };
    box.querySelector("[data-keep]").onclick = () => { end(); this.save(); };
    box.hidden = false;
  }

  // stop forgets the draft: the form itself carries the text now.
  stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.pending = false;
    this.before = this.version;
    this.version = undefined; // the page that answers says what is kept
    localStorage.removeItem(this.key);
  }

  restore() {
    const kept = localStorage.getItem(this.key);
    if (!kept) return;
    if (this.fill(new URLSearchParams(kept))) { this.say(this.dataset.restored); this.changed(); } else localStorage.removeItem(this.key);
  }

  // fill writes values into the fields that have them and tells whether any changed.
  fill(values) {
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
    return changed;
  }

  say(text) {
    const note = this.querySelector("[data-draft-note] > span");
    if (note && note.textContent !== text) note.textContent = text;
  }
}
customElements.define("draft-form", DraftForm);
