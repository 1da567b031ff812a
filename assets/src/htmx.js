// htmx reads its settings from <meta name="htmx-config">; its extension looks for it on window, so the
// extension is imported after this file has run.
import htmx from "htmx.org";

window.htmx = htmx;
