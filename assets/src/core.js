// What every page loads: htmx with its stream extension, and small helpers that each do one thing.
import "./htmx.js";
import "htmx.org/dist/ext/hx-sse.js";
import "./theme.js";
import "./menu.js";
import "./dialog.js";
import "./form.js";
import "./draft.js";
import "./attach.js";
import "./live.js";
import "./toast.js";
import "./palette.js";
import "./presence.js";
