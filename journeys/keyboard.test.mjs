// The desk without a mouse, and the portal without script.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start, open } from "./lib.mjs";

let app;
before(async () => { app = await start(); });
after(async () => { await app?.stop(); });

test("a technician answers without touching the mouse, and takes a reply back", async () => {
  const page = await open(app, "yanis");
  await page.goto(app.url + "/desk/views/mine");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/desk\/tickets\//);
  await page.locator("#reply-text").waitFor();
  await page.keyboard.press("r");
  await page.keyboard.type("Nous avons trouvé la cause.");
  await page.keyboard.press("Control+Enter");
  const undo = page.locator("[data-toast] button, .toast button, form[action*='/undo'] button, button[formaction*='/undo']").first();
  await undo.focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#reply-text")?.value.includes("trouvé la cause"));
  await page.keyboard.press("Control+k");
  await page.locator("dialog[open] input").waitFor();
  await page.keyboard.press("Escape");
  assert.deepEqual(page.faults, []);
});

test("the portal works without script", async () => {
  const page = await open(app, "camille", { javaScriptEnabled: false });
  await page.goto(app.url + "/requests/new?type=request");
  await page.locator("[name=subject]").fill("Second écran");
  await page.getByRole("button", { name: "Envoyer ma demande" }).click();
  // The message is missing: the page says so and keeps the sentence.
  await page.locator(".errsum").waitFor();
  assert.equal(await page.locator("[name=subject]").first().inputValue(), "Second écran");
  await page.locator("[name=body]").fill("Pour le télétravail.");
  await page.locator("input[type=file][name=file]").setInputFiles({ name: "bureau.txt", mimeType: "text/plain", buffer: Buffer.from("plan du bureau") });
  await page.getByRole("button", { name: "Envoyer ma demande" }).click();
  await page.waitForURL(/\/requests\/REQ-\d+/);
  await page.getByText("bureau.txt").first().waitFor();
});
