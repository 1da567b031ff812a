// What technicians do beside answering, and what happens when two of them, or two tabs, do it at once.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start, open, people } from "./lib.mjs";

let app;
before(async () => { app = await start(); });
after(async () => { await app?.stop(); });

// first opens the first ticket of one's own view and returns its address.
async function first(page) {
  await page.goto(app.url + "/desk/views/all?status=open");
  await page.locator("[data-row] a, .row a, bulk-rows a").first().click();
  await page.waitForURL(/\/desk\/tickets\/[A-Z]+-\d+/);
  return new URL(page.url()).pathname;
}

test("two tabs write one draft: nothing is lost, the reader chooses", async () => {
  const one = await open(app, "camille");
  const two = await one.context().newPage();
  for (const page of [one, two]) await page.goto(app.url + "/requests/new");
  const saved = (page) => page.waitForResponse((r) => r.url().includes("/drafts?") && r.status() === 200);
  let done = saved(one);
  await one.locator("#f-subject").fill("Un écran pour le bureau 214");
  await done;
  const clash = two.waitForResponse((r) => r.url().includes("/drafts?") && r.status() === 409);
  await two.locator("#f-subject").fill("Une souris");
  await clash;
  const box = two.locator("[data-draft-clash]");
  await box.waitFor();
  assert.match(await box.innerText(), /autre onglet/);
  await two.getByText("Voir l’autre texte").click();
  await box.getByText("Un écran pour le bureau 214").waitFor();
  await two.getByRole("button", { name: "Reprendre l’autre texte" }).click();
  assert.equal(await two.locator("#f-subject").inputValue(), "Un écran pour le bureau 214");
  done = saved(two);
  await two.locator("#f-subject").fill("Un écran pour le bureau 215");
  await done;
  // The first tab now is behind; it keeps its own words.
  const again = one.waitForResponse((r) => r.url().includes("/drafts?") && r.status() === 409);
  await one.locator("#f-subject").fill("Deux écrans");
  await again;
  done = saved(one);
  await one.getByRole("button", { name: "Garder ce que j’écris ici" }).click();
  await done;
  await two.reload();
  assert.equal(await two.locator("#f-subject").inputValue(), "Deux écrans");
  assert.deepEqual(one.faults, []);
});

test("a double click on send says it once", async () => {
  const page = await open(app, "yanis", { javaScriptEnabled: false });
  const path = await first(page);
  await page.locator("#reply-text").fill("Vu, je regarde.");
  const token = await page.locator("input[name=once]").first().getAttribute("value");
  const body = { once: token, kind: "note", text: "Vu, je regarde." };
  const send = () => page.context().request.post(app.url + path + "/messages", { form: body, headers: { Origin: app.url }, maxRedirects: 0 });
  const [a, b] = await Promise.all([send(), send()]);
  assert.deepEqual([a.status(), b.status()], [303, 303]);
  await page.goto(app.url + path);
  assert.equal(await page.locator(".msg-body").filter({ hasText: "Vu, je regarde." }).count(), 1);
});

test("a session that ends in the middle of a long reply keeps the text", async () => {
  const page = await open(app, "yanis");
  await first(page);
  await page.locator("#reply-text").fill("Une longue réponse que personne ne veut écrire deux fois.");
  await page.waitForResponse((r) => r.url().includes("/desk/drafts"));
  await page.context().clearCookies();
  await page.locator("#reply-text").press("Control+Enter");
  await page.getByRole("heading", { name: "Votre session est terminée" }).waitFor();
  assert.deepEqual(await page.locator("textarea").evaluateAll((all) => all.map((t) => t.value)), ["Une longue réponse que personne ne veut écrire deux fois."]);
  await page.getByRole("link", { name: "Me connecter" }).click();
  await page.waitForURL(/\/sign-in/);
  await page.fill("[name=who]", people.yanis);
  await page.fill("[name=password]", "bienvenue-chez-vous");
  await page.locator("main form button.btn-primary").click();
  await page.waitForURL((u) => u.pathname !== "/sign-in");
  await page.locator("#reply-text").waitFor();
  await page.waitForFunction(() => document.querySelector("#reply-text").value.includes("longue réponse"));
});

test("a file that is too large is refused with its name and the limit", async () => {
  const page = await open(app, "camille");
  await page.goto(app.url + "/requests/new");
  await page.locator("#f-subject").fill("Journal du poste");
  await page.locator("input[type=file][name=file]").setInputFiles({ name: "journal.log", mimeType: "text/plain", buffer: Buffer.alloc(26 << 20, 97) });
  await page.getByText(/25\sMo/).first().waitFor();
  assert.equal(await page.locator("#f-subject").inputValue(), "Journal du poste");
});

test("many tickets at once, and back again", async () => {
  const page = await open(app, "nadia");
  await page.goto(app.url + "/desk/views/all?status=new");
  const boxes = page.locator("bulk-rows input[type=checkbox]");
  const before = await boxes.count();
  await boxes.nth(0).check();
  await boxes.nth(1).check();
  await page.locator(".bulkbar").waitFor();
  assert.match(await page.locator(".bulkbar [data-count]").innerText(), /2/);
  await page.locator(".bulkbar").getByRole("button", { name: /Prendre/ }).click();
  const undo = page.getByRole("button", { name: "Annuler" }).locator("visible=true").last();
  await undo.waitFor();
  assert.equal(await boxes.count(), before - 2, "taken tickets are not new any more");
  await undo.click();
  await page.waitForFunction((n) => document.querySelectorAll("bulk-rows input[type=checkbox]").length === n, before);
  assert.deepEqual(page.faults, []);
});
