// What the desk adds: its keys, suggestions in texts, rows chosen together.
import "./keys.js";
import "./suggest.js";
import "./bulk.js";
import "./put.js";
