// The mail, as administrators and agents live it: a mailbox with its mistakes, templates, quarantine, the question where a
// message belongs, an answer that does not arrive.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { start, open, axe, noOverflow, shoot } from "./lib.mjs";

let app, sink;
before(async () => { app = await start(); sink = await listen(); });
after(async () => { await app?.stop(); sink?.close(); });

// listen is a mail server that remembers what it takes, and refuses recipients while refuse is set.
async function listen() {
  const s = { mails: [], refuse: "" };
  const server = createServer((c) => {
    let buffer = "", body = null;
    const say = (line) => c.write(line + "\r\n");
    c.on("error", () => {}); // the program may close first
    say("220 sink ESMTP");
    c.on("data", (b) => {
      buffer += b;
      for (let at; (at = buffer.indexOf("\r\n")) >= 0;) {
        const line = buffer.slice(0, at);
        buffer = buffer.slice(at + 2);
        if (body !== null) {
          if (line !== ".") { body.push(line); continue; }
          s.mails.push(body.join("\n")); body = null; say("250 taken");
        } else if (/^EHLO/i.test(line)) { say("250-sink"); say("250 8BITMIME"); }
        else if (/^RCPT/i.test(line) && s.refuse) say(s.refuse);
        else if (/^DATA/i.test(line)) { body = []; say("354 go on"); }
        else if (/^QUIT/i.test(line)) { say("221 bye"); c.end(); }
        else say("250 ok");
      }
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  s.port = server.address().port;
  s.close = () => server.close();
  return s;
}

async function look(page, name) {
  assert.equal(await page.locator("h1").count(), 1, `${name}: one h1`);
  await noOverflow(page, name);
  await axe(page, name);
  await shoot(page, `mail-${name}`);
  assert.deepEqual(page.faults, [], name);
}

async function send(page, name) {
  await Promise.all([page.waitForEvent("framenavigated", (f) => f === page.mainFrame()), page.getByRole("button", { name, exact: true }).first().click()]);
  await page.waitForLoadState("load");
}

// deliver hands a message over, as a mail server's pipe does.
function deliver(from, subject, id, body = "Bonjour") {
  return app.run(["mail", "deliver"], `From: ${from}\r\nTo: aide@ateliers-morvan.example\r\nSubject: ${subject}\r\nMessage-ID: <${id}@journey>\r\nDate: Thu, 12 Mar 2026 09:44:00 +0100\r\n\r\n${body}\r\n`);
}

test("an administrator sets a mailbox up, sees what is wrong, and tries it", async () => {
  const page = await open(app, "herve");
  await page.goto(app.url + "/settings/mail/boxes/new?preset=ovh");
  await page.locator("[name=name]").fill("Support");
  const unfold = () => page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
  await page.locator("[name=address]").fill("aide@ateliers-morvan.example");
  await unfold();
  await page.locator("[name=out_host]").fill(" ");
  await send(page, "Enregistrer");
  await page.locator(".errsum").waitFor();
  assert.equal(await page.locator("[name=name]").inputValue(), "Support");
  await look(page, "box-refused");
  await unfold();
  for (const [name, value] of [["in_host", "127.0.0.1"], ["in_port", "1"], ["out_host", "127.0.0.1"], ["out_port", String(sink.port)]]) await page.locator(`[name=${name}]`).fill(value);
  await page.locator("[name=out_tls]").selectOption("none");
  await page.locator("[name=to]").fill("essai@ailleurs.example");
  await page.getByRole("button", { name: "Essayer" }).click();
  await page.getByText("Le serveur de réception ne répond pas").waitFor(); // nothing listens at port 1
  await page.getByText("Un message d’essai est parti vers essai@ailleurs.example").waitFor();
  assert.equal(sink.mails.length, 1);
  await look(page, "box-tried");
  await page.locator("[name=in_way][value='']").check({ force: true });
  for (const name of ["standard", "plus"]) await page.locator(`[name=${name}]`).check({ force: true });
  await send(page, "Enregistrer");
  await page.getByText("La boîte est enregistrée.").first().waitFor();
  await page.goto(app.url + "/settings/mail");
  await page.getByText("aide@ateliers-morvan.example").first().waitFor();
  await look(page, "boxes");
});

test("an administrator rewrites a template, with a mistake first, by the keyboard alone", async () => {
  const page = await open(app, "herve");
  await page.goto(app.url + "/settings/mail/templates");
  await look(page, "templates");
  await page.getByRole("link", { name: "Réponse, Français" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/templates\/reply\/fr$/);
  await page.frameLocator("iframe[name=preview]").getByText("Votre certificat avait expiré").waitFor();
  await page.locator("[name=body]").focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("# Bonjour {{recipent}}\n\n{{message}}\n");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // the first button saves
  await page.locator(".errsum").waitFor();
  await page.getByText("« recipent », à la ligne 1").first().waitFor();
  await look(page, "template-refused");
  await page.locator("[name=body]").fill("# Bonjour {{recipient}}\n\n{{message}}");
  await page.getByRole("button", { name: "Aperçu", exact: true }).click();
  await page.frameLocator("iframe[name=preview]").getByText("Bonjour Camille Renaud").waitFor();
  await send(page, "Enregistrer");
  await page.getByRole("button", { name: "Revenir à notre modèle" }).waitFor();
  await look(page, "template-changed");
  await send(page, "Revenir à notre modèle");
  assert.match(await page.locator("[name=body]").inputValue(), /\{\{headline\}\}/);
});

test("what a blocked sender writes waits, and a person lets it in", async () => {
  const page = await open(app, "herve");
  await page.goto(app.url + "/settings/mail/blocks");
  await page.locator("input[type=text][name=pattern]").fill("promo.example");
  await page.locator("input[type=text][name=pattern]").press("Enter");
  await page.getByText("promo.example").first().waitFor();
  assert.match(deliver("Eve <eve@promo.example>", "Grande braderie", "q1"), /^quarantined/);
  await page.goto(app.url + "/settings/mail/messages?state=quarantined");
  await look(page, "quarantine");
  await page.getByRole("link", { name: "Grande braderie" }).first().click();
  await page.getByText("Il correspond à l’expéditeur bloqué promo.example.").waitFor();
  await look(page, "held");
  await send(page, "Laisser entrer");
  await page.getByText("Traité").first().waitFor();
});

test("an agent says where a message belongs", async () => {
  const first = deliver("camille.renaud@ateliers-morvan.example", "Badge perdu", "b1").match(/[A-Z]+-\d+/)[0];
  const second = deliver("Ada <ada@ailleurs.example>", `RE: [${first}] Badge perdu`, "b2", "Je l'ai trouvé").match(/[A-Z]+-\d+/)[0];
  assert.notEqual(first, second);
  const page = await open(app, "yanis");
  await page.goto(`${app.url}/desk/tickets/${second}`);
  await page.getByText("ada@ailleurs.example cite un ticket sans y participer").waitFor();
  await look(page, "question");
  await send(page, "Oui, réunir");
  await page.waitForURL(new RegExp(first));
  await page.getByText("Je l’ai trouvé").or(page.getByText("Je l'ai trouvé")).first().waitFor();
});

test("an agent sees that an answer did not arrive, and sends it again", async () => {
  const ref = deliver("Bob <bob@client.example>", "Facture en double", "f1").match(/[A-Z]+-\d+/)[0];
  const page = await open(app, "yanis");
  sink.refuse = "550 5.7.1 refused by policy";
  await page.goto(`${app.url}/desk/tickets/${ref}`);
  await page.locator("#reply-text").waitFor();
  await page.keyboard.press("r");
  await page.keyboard.type("Nous corrigeons la facture.");
  await page.keyboard.press("Control+Enter");
  await page.getByText("N’est pas parti vers bob@client.example").waitFor({ timeout: 30_000 });
  await look(page, "not-sent");
  sink.refuse = "";
  const before = sink.mails.length;
  await send(page, "Renvoyer");
  await page.getByText("Parti vers bob@client.example").waitFor({ timeout: 30_000 });
  assert.ok(sink.mails.slice(before).some((m) => m.includes("Nous corrigeons la facture.") && /^Reply-To:[^]{0,160}aide\+t\./m.test(m)), "the answer left");
});

test("the rules of what comes in refuse nonsense and keep what was typed", async () => {
  const page = await open(app, "herve", { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "en-GB" });
  await page.goto(app.url + "/settings/mail/rules");
  await page.locator("[name=hour]").fill("0");
  await page.locator("[name=exempt]").fill("monitoring@example.com");
  await page.locator("main form button.btn-primary").click();
  await page.locator(".errsum").waitFor();
  assert.equal(await page.locator("[name=exempt]").inputValue(), "monitoring@example.com");
  await look(page, "rules-refused");
});
