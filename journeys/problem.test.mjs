// The cause behind many incidents: what is known helps level 1, one message reaches everybody once, one end ends them.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start, open, axe, noOverflow } from "./lib.mjs";

let app;
before(async () => { app = await start(); });
after(async () => { await app?.stop(); });

const shown = (page, text) => page.getByText(text).filter({ visible: true }).first().waitFor();

test("a problem from its first incident to the end of all", async () => {
  const ask = async (who, subject) => {
    const page = await open(app, who);
    await page.goto(app.url + "/requests/new");
    await page.locator("#f-subject").fill(subject);
    await page.locator("[name=body]").fill("Depuis ce matin.");
    await page.getByRole("button", { name: "Envoyer ma demande" }).click();
    await page.waitForURL(/\/requests\/INC-\d+/);
    return { page, ref: new URL(page.url()).pathname.split("/").pop() };
  };
  const one = await ask("camille", "La pointeuse refuse mon badge");
  const two = await ask("camille", "La pointeuse ne répond plus");

  const desk = await open(app, "yanis");
  await desk.goto(`${app.url}/desk/tickets/${one.ref}`);
  await desk.getByRole("button", { name: "Autres actions" }).click();
  await desk.locator("#desk-more").getByText("Ouvrir un problème").click();
  const dialog = desk.locator("dialog#dlg-problem[open]");
  await dialog.getByLabel("Le problème en une phrase").fill("Les pointeuses ont perdu leur serveur");
  await dialog.getByRole("button", { name: "Ouvrir un problème" }).click();
  await desk.waitForURL(/\/desk\/tickets\/PRB-\d+/);
  const problem = new URL(desk.url()).pathname;
  await desk.locator("#desk-side").getByText(one.ref).first().waitFor();

  await desk.goto(`${app.url}/desk/tickets/${two.ref}`);
  await desk.getByRole("button", { name: "Autres actions" }).click();
  await desk.locator("#desk-more").getByText("Lier", { exact: false }).first().click();
  const link = desk.locator("dialog#dlg-links[open]");
  await link.locator("[name=kind]").selectOption("caused_by");
  await link.locator("[name=other]").fill(problem.split("/").pop());
  await link.locator("button.btn-primary").click();
  await shown(desk, "Cause inconnue");

  await desk.goto(app.url + problem);
  await desk.getByRole("link", { name: "Compléter" }).click();
  const known = desk.locator("dialog#dlg-dossier[open]");
  await known.getByLabel("Cause connue").check();
  await known.locator("button.btn-primary").or(desk.locator("dialog#dlg-dossier[open] ~ * button.btn-primary")).first().click();
  await desk.locator(".errsum").waitFor(); // the cause itself is missing
  assert.ok(await desk.getByLabel("Cause connue").isChecked());
  await desk.locator("#f-problem-cause").fill("Le certificat du serveur est périmé.");
  await desk.locator("[name=workaround]").fill("Signez la **feuille à l’accueil**.");
  await desk.getByRole("button", { name: "Enregistrer" }).first().click();
  await shown(desk, "Erreur connue");
  await axe(desk, "a problem");
  await noOverflow(desk, "a problem");

  // Level 1 puts what helps into the reply.
  await desk.goto(`${app.url}/desk/tickets/${two.ref}`);
  await desk.getByRole("button", { name: "Mettre dans la réponse" }).click();
  assert.match(await desk.locator("#reply-text").inputValue(), /feuille à l’accueil/);

  // Everybody is told, once; then it ends.
  await desk.goto(app.url + problem);
  await desk.getByRole("link", { name: "Prévenir tout le monde" }).click();
  await desk.locator("dialog#dlg-broadcast[open] #f-broadcast").fill("Le serveur est de retour à 11 h.");
  await desk.getByRole("button", { name: "Envoyer à tous" }).click();
  await shown(desk, "Le message part à chacun.");
  for (const x of [one, two]) {
    await x.page.getByText("Le serveur est de retour à 11 h.").waitFor(); // live
    assert.equal(await x.page.getByText("Le serveur est de retour à 11 h.").count(), 1);
  }
  await desk.keyboard.press("s");
  const end = desk.locator("dialog#dlg-resolution[open]");
  await end.locator("textarea[name=body]").fill("Certificat renouvelé, tout remarche.");
  await end.getByLabel(new RegExp(two.ref)).uncheck();
  await desk.locator("dialog#dlg-resolution[open] button.btn-primary").click();
  await one.page.getByText("Certificat renouvelé").waitFor();
  await two.page.reload();
  assert.equal(await two.page.getByText("Certificat renouvelé").count(), 0, "what was unticked stays open");
  assert.deepEqual(desk.faults, []);
});
