// The work of a technician beside answering: calls, splitting, saved views, every key, and two people on one ticket.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start, open } from "./lib.mjs";

let app;
before(async () => { app = await start(); });
after(async () => { await app?.stop(); });

const row = (page) => page.locator("bulk-rows a, .row a").first();
const ref = (page) => new URL(page.url()).pathname.split("/").pop();

test("a call is written down while it lasts", async () => {
  const page = await open(app, "yanis");
  await page.goto(app.url + "/desk/call");
  const who = page.getByLabel("Qui appelle");
  await who.fill("camille renaud");
  await who.press("Enter");
  await page.getByRole("link", { name: "Choisir" }).first().click();
  await page.getByRole("region", { name: "Personne qui appelle" }).getByText("Camille Renaud").first().waitFor();
  await page.getByRole("button", { name: "Créer le ticket" }).click(); // the sentence is missing
  await page.locator(".errsum").waitFor();
  await page.getByLabel("La demande en une phrase").fill("Le casque grésille en réunion");
  await page.getByLabel("Ce que dit la personne").fill("Depuis ce matin, sur le casque de l’accueil.");
  await page.getByRole("button", { name: "Créer le ticket" }).click();
  await page.waitForURL(/\/desk\/tickets\/INC-\d+/);
  assert.match(await page.locator("body").innerText(), /téléphone/);
  await page.getByText("Depuis ce matin, sur le casque de l’accueil.").first().waitFor();
  // Somebody whom nobody knows.
  await page.goto(app.url + "/desk/call?q=zzzz");
  await page.getByText("Personne ne porte ce nom").waitFor();
  await page.getByRole("link", { name: "La personne n’est pas dans l’annuaire" }).click();
  await page.getByLabel("Son adresse de courriel").fill("pas une adresse");
  await page.getByLabel("La demande en une phrase").fill("Livraison à la porte");
  await page.locator("form[action='/desk/calls']").evaluate((f) => { f.noValidate = true; });
  await page.getByRole("button", { name: "Créer le ticket" }).click();
  await page.locator(".errsum").waitFor();
  assert.equal(await page.getByLabel("La demande en une phrase").inputValue(), "Livraison à la porte");
  await page.getByLabel("Son adresse de courriel").fill("livreur@transports.example");
  await page.getByLabel("Son nom").fill("Transports Duval");
  await page.getByLabel("Ce que dit la personne").fill("Il attend quai 3.");
  await page.getByRole("button", { name: "Créer le ticket" }).click();
  await page.waitForURL(/\/desk\/tickets\/INC-\d+/);
  await page.getByText("Transports Duval").first().waitFor();
  assert.deepEqual(page.faults, []);
});

test("one ticket with two subjects becomes two, and nothing is lost", async () => {
  const asks = await open(app, "camille");
  await asks.goto(app.url + "/requests/new");
  await asks.locator("#f-subject").fill("Souris en panne");
  await asks.locator("[name=body]").fill("La souris ne répond plus.");
  await asks.getByRole("button", { name: "Envoyer ma demande" }).click();
  await asks.waitForURL(/\/requests\/INC-\d+/);
  const number = ref(asks);
  await asks.locator("textarea[name=text]").fill("Au fait, la badgeuse du hall est cassée aussi.");
  await asks.getByRole("button", { name: "Envoyer" }).click();
  await asks.getByText("la badgeuse du hall").first().waitFor();
  const page = await open(app, "yanis");
  await page.goto(`${app.url}/desk/tickets/${number}`);
  await page.getByRole("button", { name: "Autres actions" }).click();
  await page.locator("#desk-more").getByText("Séparer").click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Sujet du nouveau ticket").fill("Badgeuse du hall");
  await dialog.getByRole("button", { name: "Séparer" }).click(); // no message is chosen
  await page.locator(".err").filter({ visible: true }).first().waitFor();
  assert.equal(await page.getByLabel("Sujet du nouveau ticket").inputValue(), "Badgeuse du hall");
  await page.locator("input[name=messages]").last().check();
  await page.getByRole("button", { name: "Séparer" }).last().click();
  await page.waitForFunction((n) => !location.pathname.endsWith(n) || document.body.innerText.includes("Badgeuse du hall"), number);
  await page.goto(`${app.url}/desk/tickets/${number}`);
  const link = page.getByRole("link", { name: /Badgeuse du hall/ }).first();
  await link.waitFor();
  await link.click();
  await page.waitForURL((u) => !u.pathname.endsWith(number));
  await page.locator(".msg-body").filter({ hasText: "la badgeuse du hall" }).waitFor();
  await asks.goto(app.url + "/requests");
  await asks.getByText("Badgeuse du hall").first().waitFor();
  assert.deepEqual(page.faults, []);
});

test("a filter is kept as a view, counts, and goes again", async () => {
  const page = await open(app, "yanis");
  await page.goto(app.url + "/desk/views/all?status=new");
  const shown = await page.locator("bulk-rows input[type=checkbox]").count();
  assert.ok(shown > 0);
  await page.getByRole("button", { name: "Filtrer" }).or(page.locator("[aria-label=Filtrer]")).first().click();
  await page.locator("#view-name").fill("Rien que les nouveaux");
  await page.getByRole("button", { name: "Enregistrer la vue" }).click();
  const view = page.locator("#desk-views a").filter({ hasText: "Rien que les nouveaux" });
  await view.waitFor();
  assert.match(await view.innerText(), new RegExp(`${shown}`));
  await page.goto(app.url + "/desk/views/all");
  await page.locator("#desk-views a").filter({ hasText: "Rien que les nouveaux" }).click();
  await page.waitForURL(/\/desk\/views\//);
  assert.equal(await page.locator("bulk-rows input[type=checkbox]").count(), shown);
  await page.getByRole("button", { name: "Filtrer" }).or(page.locator("[aria-label=Filtrer]")).first().click();
  await page.getByText("Supprimer cette vue").click();
  await page.waitForFunction(() => !document.querySelector("#desk-views").innerText.includes("Rien que les nouveaux"));
  assert.deepEqual(page.faults, []);
});

test("every key does what the list of keys says", async () => {
  const page = await open(app, "yanis");
  await page.goto(app.url + "/desk/views/all?status=new");
  await page.keyboard.press("?");
  const keys = page.locator("dialog#keys[open]");
  await keys.waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  assert.ok(await page.evaluate(() => document.activeElement.matches("[data-desk-search]")), "/ goes to the search");
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  const one = await page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press("j");
  assert.notEqual(await page.evaluate(() => document.activeElement.textContent), one);
  await page.keyboard.press("k");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), one);
  await page.keyboard.press("x");
  assert.match(await page.locator(".bulkbar [data-count]").innerText(), /1/);
  await page.keyboard.press("x");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/desk\/tickets\//);
  await page.locator("#reply-text").waitFor();
  await page.keyboard.press("?");
  await keys.waitFor();
  const text = await keys.innerText();
  for (const words of ["Prendre", "Résoudre", "Escalader", "Mettre en attente", "Confier", "Réponse", "Note interne"]) assert.ok(text.includes(words), `${words} in: ${text}`);
  await page.keyboard.press("Escape");
  const dialogs = { s: "dlg-resolution", e: "dlg-escalations", p: "dlg-pending", g: "dlg-assignment", i: "dlg-properties" };
  for (const [key, id] of Object.entries(dialogs)) {
    await page.keyboard.press(key);
    await page.locator(`dialog#${id}[open]`).waitFor();
    assert.ok(await page.evaluate((id) => document.getElementById(id).contains(document.activeElement), id), `${key} moves into its dialog`);
    await page.keyboard.press("Escape");
    await page.locator(`dialog#${id}[open]`).waitFor({ state: "detached" }).catch(() => {});
    assert.equal(await page.locator("dialog[open]").count(), 0, `Escape closes what ${key} opened`);
  }
  for (const key of ["n", "r"]) {
    await page.keyboard.press(key);
    assert.equal(await page.evaluate(() => document.activeElement.id), "reply-text");
    assert.equal(await page.locator(".composer input[type=radio]:checked").getAttribute("data-key"), key);
    await page.keyboard.press("Escape");
  }
  await page.keyboard.press("w");
  await page.waitForFunction(() => !document.querySelector('[data-key="w"]'));
  await page.keyboard.press("a");
  await page.waitForFunction(() => !document.querySelector('[data-key="a"]'));
  assert.deepEqual(page.faults, []);
});

test("the next ticket is one key away, until none is left", async () => {
  const page = await open(app, "sophie");
  await page.goto(app.url + "/desk/views/unassigned");
  const free = await page.locator("bulk-rows input[type=checkbox]").count();
  for (let n = 0; n <= free; n++) {
    await page.keyboard.press("t");
    if (n < free) {
      await page.waitForURL(/\/desk\/tickets\/(INC|REQ)-\d+\?view=mine/);
      await page.getByText(/est à vous/).filter({ visible: true }).first().waitFor();
    } else {
      await page.waitForURL(/\/desk\/views\/unassigned/);
      await page.getByText("Rien n’attend dans les files de vos équipes.").filter({ visible: true }).first().waitFor();
    }
    await page.goto(app.url + "/desk/views/mine");
  }
  assert.deepEqual(page.faults, []);
});

test("two technicians change one ticket: the second is shown both, and chooses", async () => {
  const one = await open(app, "yanis");
  await one.goto(app.url + "/desk/views/all?status=new");
  await row(one).click();
  await one.waitForURL(/\/desk\/tickets\//);
  const path = new URL(one.url()).pathname;
  const two = await open(app, "nadia");
  await two.goto(app.url + path);
  for (const page of [one, two]) {
    await page.keyboard.press("i");
    await page.locator("dialog#dlg-properties[open]").waitFor();
  }
  const subject = (page) => page.locator("#dlg-properties [name=subject]");
  await subject(one).fill("Ce que Yanis a compris");
  await subject(two).fill("Ce que Nadia a compris");
  await one.locator("#dlg-properties button.btn-primary").click();
  await one.getByRole("heading", { name: "Ce que Yanis a compris" }).waitFor();
  await two.locator("#dlg-properties button.btn-primary").click();
  const result = two.locator("#diff-subject");
  await result.waitFor();
  assert.equal(await result.inputValue(), "Ce que Nadia a compris");
  await two.locator("[data-take]").first().click();
  assert.match(await result.inputValue(), /Ce que (Yanis|Nadia) a compris/);
  await two.getByText("Ce que Yanis a compris").filter({ visible: true }).first().waitFor();
  await result.fill("Ce que tous deux ont compris");
  await result.press("Enter");
  await two.waitForURL(new RegExp(path));
  await two.getByRole("heading", { name: "Ce que tous deux ont compris" }).waitFor();
  await one.getByRole("heading", { name: "Ce que tous deux ont compris" }).waitFor(); // live, without a reload
  assert.deepEqual(two.faults, []);
});

test("a photo that is no picture is refused, with what to do", async () => {
  const page = await open(app, "camille");
  await page.goto(app.url + "/me");
  const field = page.locator("input[type=file]").first();
  await field.setInputFiles({ name: "photo.png", mimeType: "image/png", buffer: Buffer.from("this is a text that says it is a picture") });
  const button = page.locator("form:has(input[type=file]) button").first();
  if (await button.isVisible()) await button.click();
  await page.getByText(/image|photo/i).filter({ hasText: /PNG|JPEG/ }).first().waitFor();
});
