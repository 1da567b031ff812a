// <presence-beat data-url>: tells the server that the page is looked at, and shows who else looks.
const EVERY = 20000;

class PresenceBeat extends HTMLElement {
  connectedCallback() {
    this.timer = setInterval(() => this.beat(), EVERY);
    this.beat();
  }

  disconnectedCallback() { clearInterval(this.timer); }

  async beat() {
    if (document.hidden) return;
    try {
      const r = await fetch(this.dataset.url, { method: "POST", headers: { "HX-Request": "true" } });
      if (!r.ok || r.status === 204) return;
      const html = await r.text();
      if (html !== this.last) { this.last = html; this.innerHTML = html; }
    } catch { /* the next beat tries again */ }
  }
}
customElements.define("presence-beat", PresenceBeat);
