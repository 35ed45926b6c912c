import type { Page } from "@playwright/test";
import { Firefox, findFirefox } from "./firefox";
import { eavesdrop, expect, hear, listenForGaps, longestGap, Server, test } from "./halation";

const LENGTH_S = 150;
const SONGS = 5;
const shown = (values: number[], digits: number) => values.map((v) => Number(v.toFixed(digits)));

/** Not tests of behaviour: `npm run bench` measures what a listener waits for. */
test.describe.configure({ mode: "serial" });
const server = new Server();
test.beforeAll(async () => {
  test.setTimeout(120_000);
  await server.start("--length", String(LENGTH_S));
  await server.make({ seed: 1 }); // warm
});
test.afterAll(() => server.end());

test("click to first sound, page ready, and no gap until the end", async ({ page }) => {
  test.setTimeout(480_000);
  const ready: number[] = [];
  const sound: number[] = [];
  await page.addInitScript(eavesdrop);
  for (let song = 0; song < SONGS; song++) {
    await page.goto(server.url);
    await expect(page.getByRole("button", { name: "Generate song" })).toBeVisible();
    ready.push(await page.evaluate(pageReady));
    await page.waitForTimeout(500);
    const clicked = Date.now();
    await page.getByRole("button", { name: "Generate song" }).click();
    await hear(page);
    sound.push((Date.now() - clicked) / 1_000);
    if (song < SONGS - 1) await page.getByRole("button", { name: "Download" }).waitFor();
  }
  await listenForGaps(page);
  const lag_s = await playToTheEnd(page);
  console.log(
    JSON.stringify({
      click_to_first_sound_s: shown(sound, 2),
      page_ready_ms: shown(ready, 0),
      halts: await page.evaluate(() => window.ears.halts),
      longest_silence_ms: Math.round(await longestGap(page)),
      lag_s: Number(lag_s.toFixed(2)),
    }),
  );
});

function pageReady(): number {
  const [navigation] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const { domContentLoadedEventEnd } = navigation as PerformanceNavigationTiming;
  return Math.max(domContentLoadedEventEnd, paint?.startTime ?? 0);
}

/** Waits for a song's last seconds; returns how much its time has fallen behind the clock. */
async function playToTheEnd(page: Page): Promise<number> {
  const slider = page.getByRole("slider", { name: "Place in the song" }).first();
  const end_s = Number(await slider.getAttribute("aria-valuemax")) - 8; // an outro may end softly
  const at = () => page.evaluate(() => window.ears.played?.currentTime ?? 0);
  const from = { clock: Date.now(), song: await at() };
  await expect.poll(at, { timeout: 1_000 * (end_s + 60) }).toBeGreaterThan(end_s);
  return (Date.now() - from.clock) / 1_000 - ((await at()) - from.song);
}

test("the same in Firefox", async () => {
  test.setTimeout(480_000);
  const path = findFirefox();
  test.skip(path === null, "no Firefox is installed");
  const firefox = new Firefox();
  try {
    await firefox.start(path as string);
    await firefox.open(server.url);
    await firefox.run(`(${watchElements})()`);
    const clicked = Date.now();
    await firefox.click("button[type=submit]");
    const at = () => firefox.run<number>("return window.watched?.currentTime ?? 0");
    await expect.poll(at, { intervals: [20] }).toBeGreaterThan(0);
    const started_s = (Date.now() - clicked) / 1_000;
    const from = { clock: Date.now(), song: await at() };
    const ended = () => firefox.run<boolean>("return window.watched.ended");
    await expect.poll(ended, { timeout: 1_000 * (LENGTH_S + 90) }).toBe(true);
    const lag_s = (Date.now() - from.clock) / 1_000 - ((await at()) - from.song);
    const halts = await firefox.run("return window.halts");
    console.log(
      JSON.stringify({
        firefox_click_to_time_goes_on_s: Number(started_s.toFixed(2)),
        halts,
        lag_s: Number(lag_s.toFixed(2)),
      }),
    );
  } finally {
    await firefox.end();
  }
});

/** Runs in Firefox's page: keeps the element that plays the song, and notes where it halts. */
function watchElements(): void {
  const halts: string[] = [];
  Object.assign(window, { halts });
  const { play } = HTMLMediaElement.prototype;
  const known = new WeakSet<HTMLMediaElement>();
  HTMLMediaElement.prototype.play = function (this: HTMLMediaElement) {
    if (!known.has(this)) {
      known.add(this);
      let sounds = false;
      this.addEventListener("playing", () => {
        sounds = this.src.includes("/api/");
        if (sounds) Object.assign(window, { watched: this });
      });
      for (const kind of ["waiting", "stalled", "error"])
        this.addEventListener(kind, () => sounds && halts.push(`${kind} at ${this.currentTime}`));
    }
    return play.call(this);
  };
}
