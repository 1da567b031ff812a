// The settings, walked through by an administrator and by a lead: each page, its mistakes, its empty and full states.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start, open, axe, noOverflow, shoot } from "./lib.mjs";

let app;
before(async () => { app = await start(); });
after(async () => { await app?.stop(); });

// look examines the page as it is: accessible, within its window, without faults.
async function look(page, name) {
  assert.equal(await page.locator("h1").count(), 1, `${name}: one h1`);
  await noOverflow(page, name);
  await axe(page, name);
  await shoot(page, `settings-${name}`);
  assert.deepEqual(page.faults, [], name);
}

const done = (page) => page.locator("[data-toast], .toast").first().waitFor();

// send presses a button and waits for the page that follows.
async function send(page, name) {
  await Promise.all([page.waitForEvent("framenavigated"), page.getByRole("button", { name, exact: true }).first().click()]);
  await page.waitForLoadState("load");
}

test("an administrator finds every setting", async () => {
  const page = await open(app, "herve");
  await page.goto(app.url + "/settings");
  await look(page, "home");
  await page.locator("[name=q]").fill("réouv");
  await page.getByRole("link", { name: "Délai de réouverture" }).click();
  await page.waitForURL(/\/settings\/organisation#f-reopen/);
  await page.goto(app.url + "/settings?q=introuvable");
  await look(page, "home-nothing");
});

test("an administrator asks one more question, with choices in their order", async () => {
  const page = await open(app, "herve");
  await page.goto(app.url + "/settings/fields");
  await look(page, "fields-first");
  await page.getByRole("link", { name: "Nouveau champ" }).first().click();
  await page.getByRole("heading", { name: "Nouveau champ" }).waitFor();
  await look(page, "fields-kinds");
  await page.getByRole("link", { name: "Choix unique" }).click();
  await page.waitForURL(/kind=choice/);
  await send(page, "Enregistrer");
  await page.locator(".errsum").waitFor(); // the question and the choices are missing
  await look(page, "field-refused");
  await page.locator("[name=label_fr]").fill("Sur quel site ?");
  await page.locator("[name=label_en]").fill("On which site?");
  await page.locator("[name=help_fr]").fill("Là où se trouve le poste.");
  for (const site of ["Nantes", "Lyon", "Rennes"]) {
    await send(page, "Ajouter un choix");
    await page.locator("[name=option_fr]").last().fill(site);
  }
  assert.equal(await page.locator("[name=label_fr]").inputValue(), "Sur quel site ?");
  await send(page, "Monter le choix 2");
  assert.equal(await page.evaluate(() => document.activeElement.value), "Lyon");
  await page.locator("[name=ticket_kind]").selectOption("incident");
  await page.locator("[name=required]").check();
  await page.locator("[name=option_fr]").last().press("Enter"); // saves, and moves nothing
  await page.waitForURL((u) => u.pathname === "/settings/fields");
  await done(page);
  await look(page, "fields");
  await page.getByRole("link", { name: "Sur quel site ?" }).click();
  await page.locator("[name=option_fr]").first().waitFor();
  assert.deepEqual(await page.locator("[name=option_fr]").evaluateAll((all) => all.map((x) => x.value)), ["Lyon", "Nantes", "Rennes"]);
  await look(page, "field");
  const ask = await open(app, "camille");
  await ask.goto(app.url + "/requests/new");
  await ask.getByText("Sur quel site ?").first().waitFor();
  await ask.context().close();
  await page.getByText("Archiver ce champ").click();
  await send(page, "Archiver le champ");
  await page.getByRole("button", { name: "Demander de nouveau" }).waitFor();
  await look(page, "field-archived");
});

test("an administrator writes a reply that agents insert", async () => {
  const page = await open(app, "herve");
  await page.goto(app.url + "/settings/replies");
  await look(page, "replies");
  await page.goto(app.url + "/settings/replies?q=introuvable");
  await look(page, "replies-none");
  await page.goto(app.url + "/settings/replies/new");
  await page.locator("[name=title]").fill("Imprimante relancée");
  await page.locator("[name=body]").fill("Bonjour {{requester.first_name}},\n\nl'imprimante **répond**. {{ticket.numero}}");
  await page.locator("#preview").getByText("Bonjour Camille").waitFor();
  await page.locator("#preview").getByText("{{ticket.numero}} n’existe pas").waitFor();
  await look(page, "reply-preview");
  await page.locator("[name=body]").fill("Bonjour {{requester.first_name}}, l'imprimante **répond**.");
  await send(page, "Enregistrer");
  await done(page);
  await page.getByRole("link", { name: "Imprimante relancée" }).click();
  await page.getByRole("heading", { name: "Imprimante relancée" }).waitFor();
  await look(page, "reply");
  await page.getByText("Supprimer cette réponse type").click();
  await send(page, "Supprimer la réponse type");
  await done(page);
});

test("an administrator gathers people: groups, a team with its queue, an invitation", async () => {
  const page = await open(app, "herve");
  await page.goto(app.url + "/settings/groups");
  await page.locator("[name=name]").fill("Secouristes du siège");
  await send(page, "Créer le groupe");
  await page.waitForURL(/\/settings\/groups\/\w+/);
  await page.locator("[name=q]").fill("camille");
  await page.getByRole("button", { name: /Ajouter Camille/ }).first().click();
  await page.getByRole("button", { name: /Retirer Camille/ }).first().waitFor();
  await look(page, "group");
  await page.goto(app.url + "/settings/groups");
  await look(page, "groups");

  await page.goto(app.url + "/settings/teams");
  await look(page, "teams");
  await page.locator("[name=name]").fill("Téléphonie");
  await send(page, "Créer l’équipe");
  await page.waitForURL(/\/settings\/teams\/\w+/);
  await page.locator("[name=q]").fill("sophie.lemaire");
  await page.getByRole("button", { name: /^Ajouter Sophie Lemaire$/ }).click();
  await page.getByRole("link", { name: "Sophie Lemaire" }).first().waitFor();
  await page.locator("form [name=level]").selectOption("2");
  await send(page, "Enregistrer");
  await page.getByText("Passer l’équipe au niveau 2 ?").waitFor();
  await look(page, "team-level");
  await send(page, "Passer au niveau 2");
  await done(page);
  await look(page, "team");
  await page.getByRole("link", { name: "Sophie Lemaire" }).first().click();
  await page.getByRole("heading", { name: "Sophie Lemaire" }).waitFor();
  await page.locator("[name=from]").fill("2031-08-02");
  await page.locator("[name=until]").fill("2031-08-01");
  await send(page, "Enregistrer");
  await page.locator(".errsum").waitFor();
  await look(page, "member-refused");
  await page.locator("[name=until]").fill("2031-08-20");
  await send(page, "Enregistrer");
  await done(page);

  await page.goto(app.url + "/settings/people/new");
  await page.locator("[name=name]").fill("Nora Petit");
  await send(page, "Enregistrer");
  await page.locator(".errsum").waitFor(); // an invitation needs an address
  await look(page, "person-refused");
  await page.locator("[name=email]").fill("nora.petit@ateliers-morvan.example");
  await send(page, "Enregistrer");
  await page.getByText("/welcome/").waitFor();
  await look(page, "person-invited");
});

test("an administrator sees and revokes everybody's tokens", async () => {
  const page = await open(app, "herve");
  await page.goto(app.url + "/settings/tokens");
  await look(page, "tokens-empty");
  app.run(["token", "create", "--user", "camille.renaud@ateliers-morvan.example", "--name", "Import de nuit"]);
  await page.reload();
  await page.getByText("Import de nuit").first().waitFor();
  await look(page, "tokens");
  await page.getByText("Révoquer", { exact: true }).first().click();
  await send(page, "Révoquer « Import de nuit »");
  await done(page);
});

test("a lead looks after the own team and nothing else", async () => {
  const page = await open(app, "nadia");
  await page.goto(app.url + "/settings");
  assert.equal(await page.locator("main a[href='/settings/people']").count(), 0);
  await look(page, "lead-home");
  assert.equal((await page.request.get(app.url + "/settings/people")).status(), 403);
  await page.goto(app.url + "/settings/teams");
  await look(page, "lead-teams");
  await page.locator("main .rows a").first().click();
  await page.waitForURL(/\/settings\/teams\/\w+/);
  await page.locator("[name=q]").fill("camille.renaud");
  await page.getByText("n’est pas technicien").waitFor();
  await look(page, "lead-team");
  await page.goto(app.url + "/settings/views");
  await page.locator("section [name=name]").last().fill("Urgences du jour");
  await page.locator("[name=priority]").selectOption("2");
  await send(page, "Créer la vue");
  await done(page);
  await look(page, "lead-views");
  await page.goto(app.url + "/settings/replies");
  await page.locator("main .rows a").first().click();
  await page.getByText("Un administrateur la modifie").waitFor();
  await look(page, "lead-reply");
});

test("the settings work without script, on a phone, in the dark", async () => {
  const page = await open(app, "herve", { javaScriptEnabled: false, viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await page.goto(app.url + "/settings/groups");
  await page.locator("[name=name]").fill("Télétravail");
  await page.getByRole("button", { name: "Créer le groupe" }).click();
  await page.locator("[name=q]").fill("yanis");
  await page.getByRole("button", { name: "Chercher" }).click();
  await page.getByRole("button", { name: /Ajouter Yanis/ }).first().click();
  await page.getByRole("button", { name: /Retirer Yanis/ }).first().waitFor();
  await page.getByText("Supprimer ce groupe").click();
  await page.getByRole("button", { name: "Supprimer le groupe" }).click();
  await page.waitForURL((u) => u.pathname === "/settings/groups");
  await page.goto(app.url + "/settings/replies/new");
  await page.locator("[name=title]").fill("Essai");
  await page.locator("[name=body]").fill("Bonjour {{requester.first_name}}");
  await page.getByRole("button", { name: "Aperçu" }).click();
  await page.getByText("Bonjour Camille").waitFor();
  assert.equal(await page.locator("[name=title]").inputValue(), "Essai");
});

test("every page of the settings, on a phone, in the dark, in English", async () => {
  const page = await open(app, "herve", { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "en-GB" });
  await page.request.post(app.url + "/language", { form: { lang: "en", back: "/" }, maxRedirects: 0 });
  const first = async (path, links) => { await page.goto(app.url + path); return page.locator(links).first().getAttribute("href"); };
  const team = await first("/settings/teams", "main .rows a");
  const all = ["/settings", "/settings?q=team", "/settings/people", "/settings/people/new", "/settings/teams", team, team + "?q=ca", await first(team, "main a[href*='/members/']"),
    "/settings/groups", "/settings/categories", "/settings/fields", "/settings/fields/new", "/settings/fields/new?kind=choices", await first("/settings/fields", "main ol a"),
    "/settings/replies", "/settings/replies/new", await first("/settings/replies", "main .rows a"), "/settings/views", "/settings/work", "/settings/tokens", "/settings/organisation"];
  for (const [i, path] of all.entries()) {
    page.faults.length = 0;
    assert.equal((await page.goto(app.url + path)).status(), 200, path);
    const words = (await page.locator("body").innerText()).replace(/\{\{[^}]*\}\}/g, ""); // variables of replies look like keys
    assert.doesNotMatch(words, /\b(settings|ui|web|ticket|identity|form)\.[a-z_]+\b/, path);
    await look(page, `phone-${i}`);
  }
});
