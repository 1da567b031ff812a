// What the journeys share: the program on invented data, browsers, accessibility checks.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const root = new URL("..", import.meta.url).pathname;
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const env = { ...process.env, LANG: "fr_FR.UTF-8", LC_ALL: "" };

export const people = {
  camille: "camille.renaud@ateliers-morvan.example", // asks
  yanis: "yanis.belkacem@ateliers-morvan.example", // level 1
  sophie: "sophie.lemaire@ateliers-morvan.example", // level 2, network
  nadia: "nadia.ferrand@ateliers-morvan.example", // lead
  herve: "herve.guyot@ateliers-morvan.example", // administrator
};
const password = "bienvenue-chez-vous";

// start builds and runs the demonstration on a directory of its own and resolves when it serves.
export async function start() {
  const dir = mkdtempSync(join(tmpdir(), "entraide-journey-"));
  const bin = process.env.JOURNEY_BIN ?? join(dir, "entraide");
  if (!process.env.JOURNEY_BIN) execFileSync("go", ["build", "-o", bin, "./cmd/entraide"], { cwd: root, stdio: "inherit" });
  const data = join(dir, "data");
  const server = spawn(bin, ["demo", "--people=120", "--tickets=400", "--listen=127.0.0.1:0", "--data", data], { env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  server.stderr.on("data", (b) => { log += b; });
  const url = await new Promise((done, fail) => {
    let out = "";
    server.stdout.on("data", (b) => {
      out += b;
      const found = out.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (found && out.includes(password)) done(found[0]);
    });
    server.on("exit", (code) => fail(new Error(`the program ended with ${code}\n${log}`)));
  });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  return {
    url,
    browser,
    log: () => log,
    // run runs another command on the same data, beside the running program.
    run: (args, input = "") => execFileSync(bin, [...args, "--data", data], { env, input }).toString().trim(),
    // kill ends the program as a power cut would.
    stop: async () => {
      await browser.close();
      server.removeAllListeners("exit");
      await new Promise((done) => { server.on("exit", done); server.kill("SIGTERM"); });
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

// open gives a person's browser: a page that is signed in and remembers what went wrong in it.
export async function open(app, who, options = {}) {
  const context = await app.browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "fr-FR", bypassCSP: false, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.faults = [];
  page.on("pageerror", (e) => page.faults.push(`script: ${e.message}`));
  // A refused form answers 422 or 409, which browsers write down as an error; it is part of the conversation.
  page.on("console", (m) => { if (m.type() === "error" && !/status of (422|409)/.test(m.text())) page.faults.push(`console: ${m.text()} ${m.location().url}`); });
  if (who) {
    await page.goto(app.url + "/sign-in");
    await page.fill("[name=who]", people[who]);
    await page.fill("[name=password]", password);
    await page.locator("main form button.btn-primary").click();
    await page.waitForURL((u) => u.pathname !== "/sign-in");
  }
  return page;
}

// axe fails on any violation of WCAG 2.2 AA or of axe's best practices.
export async function axe(page, what) {
  await page.evaluate(axeSource + ";0");
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  const words = found.violations.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + n.html.slice(0, 160)).join("\n    ")}`);
  assert.equal(words.length, 0, `${what}: ${words.join("\n  ")}`);
}

// noOverflow fails when a page is wider than its window.
export async function noOverflow(page, what) {
  const [wide, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wide <= window_, `${what}: ${wide} px in a window of ${window_}`);
}

// shoot keeps a picture where JOURNEY_SHOTS says, to be looked at.
export async function shoot(page, name) {
  const dir = process.env.JOURNEY_SHOTS;
  if (!dir) return;
  mkdirSync(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`) });
}

// pastePicture pastes a small screenshot into the form that holds selector.
export async function pastePicture(page, selector) {
  await page.locator(selector).evaluate((target) => {
    const canvas = document.createElement("canvas");
    canvas.width = 320; canvas.height = 200;
    const c = canvas.getContext("2d");
    c.fillStyle = "#0b6466"; c.fillRect(0, 0, 320, 200); c.fillStyle = "#fff"; c.fillText("Session expirée (E-691)", 40, 100);
    return new Promise((done) => canvas.toBlob((blob) => {
      const data = new DataTransfer();
      data.items.add(new File([blob], "image.png", { type: "image/png" }));
      target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
      done();
    }, "image/png"));
  });
}
