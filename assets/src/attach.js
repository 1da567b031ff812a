import { icon, make } from "./dom.js";

// <attach-drop data-upload-url>: files by paste, drag or choice, each sent at once; the form then carries ids.
class AttachDrop extends HTMLElement {
  connectedCallback() {
    if (this.ready) return;
    this.ready = true;
    this.list = this.querySelector("[data-files]");
    this.input = this.querySelector("input[type=file]");
    // The chosen files have been sent, so the form must not send them again.
    this.input.addEventListener("change", () => { this.take(this.input.files); this.input.value = ""; });
    this.addEventListener("click", (e) => e.target.closest("[data-remove]") && this.drop(e.target.closest("[data-file]")));
    this.zone = this.closest("form") ?? this;
    this.zone.addEventListener("paste", (e) => this.pasted(e));
    for (const type of ["dragover", "dragleave", "drop"]) this.zone.addEventListener(type, (e) => this.dragged(e));
  }

  pasted(e) {
    const files = [...(e.clipboardData?.files ?? [])];
    if (!files.length) return;
    e.preventDefault();
    const now = new Date(), at = `${now.getHours()}h${String(now.getMinutes()).padStart(2, "0")}`;
    this.take(files.map((f) => f.name === "image.png" ? new File([f], `capture-${at}.png`, { type: f.type }) : f));
  }

  dragged(e) {
    if (![...(e.dataTransfer?.types ?? [])].includes("Files")) return;
    e.preventDefault();
    this.classList.toggle("over", e.type === "dragover");
    if (e.type === "drop") this.take(e.dataTransfer.files);
  }

  take(files) { for (const f of files) this.send(f); }

  send(file) {
    const bar = make("progress", { class: "progress w-full mt-1.5 block", max: 100, value: 0, "aria-label": `${this.dataset.sending} ${file.name}` });
    const pic = make("span", { class: "attached-pic" }, icon(file.type.startsWith("image/") ? "image" : "file-text"));
    const text = make("span", { class: "flex-1 min-w-0" }, make("span", { class: "block truncate text-sm font-medium" }, file.name), bar);
    const cross = make("button", { type: "button", class: "icon-btn icon-btn-sm", "data-remove": true, "aria-label": `${this.dataset.remove} ${file.name}` }, icon("x", "i i-sm"));
    const row = make("li", { class: "attached", "data-file": true }, pic, text, cross);
    this.list.append(row);

    const form = new FormData();
    form.append("file", file);
    const request = row.request = new XMLHttpRequest(); // fetch tells nothing of how much has gone
    request.open("POST", this.dataset.uploadUrl);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (e) => { bar.value = e.lengthComputable ? e.loaded / e.total * 100 : 50; };
    request.onload = () => request.status < 300 ? this.sent(row, pic, bar, JSON.parse(request.responseText)) : this.failed(bar, request);
    request.onerror = () => this.failed(bar, request);
    request.send(form);
  }

  sent(row, pic, bar, answer) {
    row.prepend(make("input", { type: "hidden", name: "attachment", value: answer.id }));
    if (answer.thumb) pic.replaceWith(make("img", { class: "attached-pic", src: answer.thumb, alt: "", width: 56, height: 40 }));
    bar.replaceWith(make("span", { class: "t-meta" }, answer.size ?? ""));
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  failed(bar, request) {
    const said = request.getResponseHeader("Content-Type")?.startsWith("text/plain") ? request.responseText : "";
    bar.replaceWith(make("span", { class: "err", role: "alert" }, icon("circle-alert", "i i-sm"), said || this.dataset.failed));
  }

  drop(row) {
    if (!row) return;
    row.request?.abort();
    row.remove();
    this.dispatchEvent(new Event("change", { bubbles: true }));
    this.input.focus();
  }
}
customElements.define("attach-drop", AttachDrop);
