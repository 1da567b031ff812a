// A request's whole life: asked, seen, escalated, merged, resolved, rated.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start, open, axe, shoot, pastePicture, people } from "./lib.mjs";

let app;
before(async () => { app = await start(); });
after(async () => { await app?.stop(); });

const ref = (page) => page.url().match(/(INC|REQ)-\d+/)[0];

// ask sends a new request and returns its reference.
async function ask(page, subject, { picture = false } = {}) {
  await page.goto(app.url + "/requests/new");
  await page.fill("[name=subject]", subject);
  await page.fill("[name=body]", "Depuis ce matin, la connexion tombe toutes les dix minutes.");
  if (picture) {
    await pastePicture(page, "[name=body]");
    await page.locator("[data-files] img").waitFor();
  }
  await page.getByRole("button", { name: "Envoyer ma demande" }).click();
  await page.waitForURL(/\/requests\/(INC|REQ)-\d+/);
  return ref(page);
}

test("a fault goes through three levels and ends well", async () => {
  const desk = await open(app, "yanis");
  await desk.goto(app.url + "/desk/views/unassigned");

  const camille = await open(app, "camille");
  const first = await ask(camille, "Coupures du VPN depuis ce matin", { picture: true });
  await camille.getByText("capture-").first().waitFor();
  await axe(camille, "request page");

  // Level 1 sees it appear without reloading, answers, and hands it over.
  await desk.getByText(first).first().waitFor();
  await desk.goto(`${app.url}/desk/tickets/${first}`);
  await desk.keyboard.press("a");
  await desk.getByText("prend le ticket").first().waitFor();
  await desk.fill("#reply-text", "Bonjour Camille, je vérifie le journal du serveur.");
  await desk.locator("form:has(#reply-text) [data-send]").click();
  await desk.getByText("je vérifie le journal du serveur").first().waitFor();
  await camille.getByText("je vérifie le journal du serveur").first().waitFor({ timeout: 30_000 }); // after the undo delay
  await shoot(camille, "story-1-reply");

  await desk.goto(`${app.url}/desk/tickets/${first}`);
  await desk.keyboard.press("e");
  const dialog = desk.locator("dialog[open]").filter({ hasText: "Passer le relais" });
  await dialog.getByText("Niveau 2 · Réseau").click();
  await dialog.locator("[name=reason]").fill("Il faut un accès au serveur VPN");
  await dialog.locator("[name='handover.tried']").fill("Compte vérifié, poste redémarré");
  await dialog.locator("[name='handover.known']").fill("");
  await dialog.locator("[name='handover.asked']").fill("Regarder la durée de session");
  await dialog.getByRole("button", { name: "Passer le relais" }).click();
  // A part of the handover is missing: it says which, and keeps the rest.
  const again = desk.locator("form:has([name='handover.known'])").first();
  await again.locator(".err, .errsum").first().waitFor();
  assert.equal(await again.locator("[name='handover.tried']").inputValue(), "Compte vérifié, poste redémarré");
  await again.locator("[name='handover.known']").fill("Erreur E-691, groupe Compta-Nantes");
  await again.getByRole("button", { name: "Passer le relais" }).click();
  await desk.getByText("Niveau 2 · Réseau").first().waitFor();

  // A colleague reports the same; level 2 merges, answers and resolves.
  const twin = await ask(camille, "Encore le VPN");
  const sophie = await open(app, "sophie");
  await sophie.goto(`${app.url}/desk/tickets/${first}`);
  await sophie.getByText("Compte vérifié, poste redémarré").first().waitFor();
  await sophie.keyboard.press("a");
  await sophie.getByText("prend le ticket").nth(1).waitFor();
  await shoot(sophie, "story-2-level-2");

  const boss = await open(app, "herve"); // the twin is on level 1: an administrator merges across teams
  await boss.goto(`${app.url}/desk/tickets/${twin}`);
  await boss.locator("button[aria-label='Autres actions'], button[popovertarget='desk-more']").first().click();
  await boss.locator("[popover] a, [popover] button").filter({ hasText: /fusionner/i }).first().click();
  const merge = boss.locator("dialog[open]");
  await merge.locator("[name=into]").fill(first);
  await merge.locator("button.btn-primary, button.btn-danger").last().click();
  await boss.waitForURL(new RegExp(first));

  await sophie.goto(`${app.url}/desk/tickets/${first}`);
  await sophie.getByText(twin).first().waitFor();
  await sophie.keyboard.press("s");
  const resolve = sophie.locator("dialog[open]").filter({ has: sophie.locator("[name=cause]") });
  await resolve.locator("textarea[name=body]").fill("La durée de session est remise à huit heures.");
  await resolve.locator("[name=cause]").fill("Réglage écrasé par la mise à jour");
  await resolve.locator("button.btn-primary").last().click();
  await sophie.getByText("Résolu").first().waitFor();

  // The employee is told, finds the answer under either reference, and rates.
  await camille.goto(app.url + "/notifications");
  await camille.getByText(first).first().waitFor();
  await camille.goto(`${app.url}/requests/${first}`);
  await camille.getByText("remise à huit heures").first().waitFor();
  await camille.locator("[name=score][value=good]").check({ force: true });
  await camille.locator("[name=comment]").fill("Merci, c’est réglé.");
  await camille.locator("form:has([name=score]) button.btn-primary").click();
  await camille.getByText("Merci", { exact: false }).first().waitFor();
  await shoot(camille, "story-3-rated");
  for (const page of [camille, desk, sophie, boss]) assert.deepEqual(page.faults, []);
});

test("the same by API", async () => {
  const token = app.run(["token", "create", `--user=${people.camille}`, "--name=journey"]);
  const agent = app.run(["token", "create", `--user=${people.yanis}`, "--name=journey"]);
  const call = async (who, method, path, body) => {
    const r = await fetch(app.url + "/api/v1" + path, { method, headers: { Authorization: "Bearer " + who, "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
    const text = await r.text();
    return [r.status, text ? JSON.parse(text) : null];
  };
  const [made, ticket] = await call(token, "POST", "/tickets", { type: "incident", subject: "Imprimante muette", body: "Elle ne dit rien." });
  assert.equal(made, 201, JSON.stringify(ticket));
  const at = "/tickets/" + ticket.reference;
  assert.equal((await call(agent, "POST", at + "/messages", { body: "Je regarde.", visibility: "public" }))[0], 201);
  assert.equal((await call(agent, "POST", at + "/escalations", { level: 2, reason: "câblage" }))[0], 422);
  const [up] = await call(agent, "POST", at + "/escalations", { level: 2, reason: "câblage", handover: { tried: "redémarrage", known: "port 12", asked: "vérifier le port" } });
  assert.equal(up, 201);
  const [refused] = await call(agent, "PUT", at + "/resolution", { body: "fait" });
  assert.equal(refused, 403); // it is level 2's now
  const chief = app.run(["token", "create", `--user=${people.herve}`, "--name=journey"]);
  const [done] = await call(chief, "PUT", at + "/resolution", { body: "Le port est changé.", cause: "port défectueux" });
  assert.ok(done === 200 || done === 201, String(done));
  const [, after_] = await call(token, "GET", at);
  assert.equal(after_.status, "resolved");
  const [none] = await call(app.run(["token", "create", "--user=lea.fontaine@ateliers-morvan.example", "--name=other"]), "GET", at);
  assert.equal(none, 404);
});

test("and by mail", async () => {
  const mail = (id, subject, body, from = people.camille, more = "") =>
    `From: ${from}\r\nTo: support@ateliers-morvan.example\r\nSubject: ${subject}\r\nMessage-ID: <${id}@journey.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0100\r\n${more}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${body}\r\n`;
  const opened = app.run(["mail", "deliver"], mail("one", "Badge refusé", "Mon badge est refusé au portillon."));
  const reference = opened.match(/(INC|REQ)-\d+/)[0];
  assert.match(app.run(["mail", "deliver"], mail("one", "Badge refusé", "Mon badge est refusé au portillon.")), new RegExp(reference));
  assert.equal(app.run(["mail", "deliver"], mail("two", `RE: [${reference}] Badge refusé`, "Il marche de nouveau.")), `replied ${reference}`);
  const stranger = app.run(["mail", "deliver"], mail("three", `RE: [${reference}] Badge refusé`, "Que dit ce ticket ?", "inconnu@ailleurs.example"));
  assert.match(stranger, /^opened/);
  assert.doesNotMatch(stranger, new RegExp(reference));
  const camille = await open(app, "camille");
  await camille.goto(`${app.url}/requests/${reference}`);
  await camille.getByText("Il marche de nouveau.").waitFor();
  assert.equal(await camille.getByText("Que dit ce ticket").count(), 0);
});
