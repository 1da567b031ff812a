import { on } from "./dom.js";

// The switch without script changes the page until it closes; here the choice is kept in a cookie, which the
// server reads for the next page.
const root = document.documentElement;
const dark = () => root.dataset.theme ? root.dataset.theme === "entraide-dark" : matchMedia("(prefers-color-scheme: dark)").matches;
const show = () => document.querySelectorAll(".theme-controller").forEach((box) => { box.checked = dark(); });

on("change", ".theme-controller", (box) => {
  const theme = box.checked ? "dark" : "light";
  root.dataset.theme = `entraide-${theme}`;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  show();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
addEventListener("pageshow", show);
show();
