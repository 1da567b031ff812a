// Every page: accessible, never wider than its window, without errors or missing words, light to load.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start, open, axe, noOverflow, shoot } from "./lib.mjs";

let app, request, ticket;
before(async () => {
  app = await start();
  const page = await open(app, "camille");
  await page.goto(app.url + "/requests");
  request = await page.locator("a[href*='/requests/INC-'], a[href*='/requests/REQ-']").first().getAttribute("href");
  ticket = "/desk/tickets/" + request.match(/(INC|REQ)-\d+/)[0];
  await page.context().close();
});
after(async () => { await app?.stop(); });

const everywhere = {
  nobody: () => ["/sign-in", "/forgot"],
  camille: () => ["/", "/requests", request, "/requests/new", "/notifications", "/me", "/me/notifications", "/me/security", "/gallery", "/not/there"],
  yanis: () => ["/desk/views/mine", "/desk/views/late", "/desk/views/all", ticket, ticket + "/promises", "/desk/call", "/settings/replies", "/settings/replies/new"],
  herve: () => ["/settings", "/settings/people", "/settings/people/new", "/settings/teams", "/settings/work", "/settings/mail", "/settings/mail/boxes/new", "/settings/mail/boxes/new?preset=ovh", "/settings/mail/messages", "/settings/mail/rules", "/settings/mail/templates", "/settings/mail/templates/reply/fr", "/settings/mail/blocks", "/settings/mail/addresses", "/settings/organisation", "/settings/categories", "/settings/sla", "/settings/sla/calendars/new", "/settings/sla/policies/new"],
};
const missing = /\b(portal|desk|front|settings|ui|web|ticket|notify|identity|form|mailpage|mailout|calendar)\.[a-z_]+(\.[a-z_]+)*\b/;

const looks = [
  { width: 1440, scheme: "light", locale: "fr-FR" },
  { width: 390, scheme: "dark", locale: "en-GB" },
  { width: 1440, scheme: "dark", locale: "en-GB" },
  { width: 390, scheme: "light", locale: "fr-FR" },
];

for (const [who, list] of Object.entries(everywhere)) {
  test(`pages of ${who}`, async () => {
    let turn = 0;
    for (const look of looks) {
      const page = await open(app, who === "nobody" ? null : who, { viewport: { width: look.width, height: 900 }, colorScheme: look.scheme, locale: look.locale });
      if (who !== "nobody") { // the profile's language wins over the browser's
        await page.request.post(app.url + "/language", { form: { lang: look.locale.slice(0, 2), back: "/" }, maxRedirects: 0 });
      }
      for (const path of list()) {
        const what = `${path} (${who}, ${look.width} px, ${look.scheme}, ${look.locale})`;
        page.faults.length = 0;
        const answer = await page.goto(app.url + path);
        assert.ok(answer.status() === (path === "/not/there" ? 404 : 200), `${what}: ${answer.status()}`);
        if (path !== "/gallery") assert.equal(await page.locator("h1").count(), 1, `${what}: one h1`); // the gallery shows several pages' heads
        assert.ok((await page.title()).length > 3, `${what}: a title`);
        assert.equal(await page.locator("html").getAttribute("lang"), look.locale.slice(0, 2), what);
        const text = await page.locator("body").innerText();
        if (path !== "/gallery" && !path.startsWith("/settings/replies")) assert.doesNotMatch(text, missing, what); // replies show their variables
        await noOverflow(page, what);
        // Each page is examined in one look at least, and in each look some pages are.
        if (look === looks[0] || turn++ % 3 === 0) await axe(page, what);
        assert.deepEqual(page.faults.filter((f) => path !== "/not/there" || !f.includes("404")), [], what);
        await shoot(page, `${who}${path.replace(/\W+/g, "-")}-${look.width}-${look.scheme}-${look.locale}`);
      }
      await page.context().close();
    }
  });
}

test("the first load is light", async () => {
  for (const [who, path] of [["camille", "/"], ["yanis", "/desk/views/all"]]) {
    const page = await open(app, who);
    const fresh = await app.browser.newContext({ storageState: await page.context().storageState() });
    const cold = await fresh.newPage();
    const cdp = await fresh.newCDPSession(cold);
    await cdp.send("Network.enable");
    let bytes = 0, requests = 0, document_ = 0;
    const first = new Set();
    cdp.on("Network.responseReceived", (e) => { if (e.type === "Document") first.add(e.requestId); });
    cdp.on("Network.requestWillBeSent", (e) => { if (!e.request.url.includes("/live")) requests++; });
    cdp.on("Network.loadingFinished", (e) => { bytes += e.encodedDataLength; if (first.has(e.requestId)) document_ = e.encodedDataLength; });
    await cold.goto(app.url + path, { waitUntil: "load" });
    await cold.evaluate(() => document.fonts.ready);
    assert.ok(requests <= 12, `${path}: ${requests} requests`);
    assert.ok(bytes <= 150 * 1024, `${path}: ${bytes} bytes`);
    assert.ok(document_ <= 40 * 1024, `${path}: document of ${document_} bytes`);
    console.log(`${path}: ${requests} requests, ${Math.round(bytes / 1024)} KB, document ${Math.round(document_ / 1024)} KB`);
    await fresh.close();
    await page.context().close();
  }
});
