import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { done, expect, generate, test } from "./halation";

/** Nothing that keeps anybody out, and nothing that jumps. */
async function check(page: Page, { fading = false } = {}): Promise<void> {
  await page.evaluate(settled);
  // What fades in all the time is as bright as it will be only a moment later.
  const axe = new AxeBuilder({ page }).disableRules(fading ? ["color-contrast"] : []);
  const found = await axe.analyze();
  expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`)).toEqual(
    [],
  );
  const { width } = page.viewportSize() ?? { width: 0 };
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
    width,
  );
  expect(await page.evaluate(() => window.ears.shift)).toBeLessThan(0.02);
}

/** Runs in the page: waits for what fades in. */
async function settled(): Promise<void> {
  const passing = document.getAnimations().filter((animation) => {
    const { endTime } = animation.effect?.getComputedTiming() ?? {};
    return Number.isFinite(endTime as number);
  });
  await Promise.all(passing.map((animation) => animation.finished.catch(() => {})));
}

test("every state is open to everybody and holds still", async ({ open, server }) => {
  await server.empty();
  const page = await open();
  await expect(page.getByText("Your songs will gather here.")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Played by/ })).toHaveCount(0); // no model is here
  await check(page);
  await page.getByRole("button", { name: "Generate song" }).click();
  await expect(page.getByRole("button", { name: "Cancel" })).toBeVisible();
  await check(page, { fading: true });
  await expect(page.getByRole("button", { name: "Pause", exact: true }).first()).toBeVisible();
  await done(page);
  await check(page);
  await page.getByRole("button", { name: "Shape" }).click();
  await check(page);
  await page.getByRole("button", { name: "Download" }).click();
  await check(page);
  await page.getByRole("button", { name: "Share" }).click();
  await check(page);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Stems", exact: true }).click();
  await expect(page.getByRole("button", { name: "Mute drums" })).toBeVisible({ timeout: 60_000 });
  await check(page);
});

for (const [width, height] of [
  [360, 640],
  [3840, 2160],
] as const) {
  test(`it fits ${width} × ${height}`, async ({ open, page, isMobile }) => {
    test.skip(isMobile && width > 1000, "no phone is so wide");
    await page.setViewportSize({ width, height });
    await open();
    await generate(page);
    await check(page);
  });
}

test.describe("answers that the test gives itself", () => {
  test.use({ serviceWorkers: "block" }); // what passes through one, the test does not see

  test("a full queue says when to come back, and a failure why", async ({ open }) => {
    const page = await open();
    await page.route("**/api/songs", (route) =>
      route.request().method() === "POST"
        ? route.fulfill({
            status: 429,
            headers: { "retry-after": "7" },
            json: { detail: "the queue is full; try again in about 7 seconds", where: [] },
          })
        : route.continue(),
    );
    await page.getByRole("button", { name: "Generate song" }).click();
    await expect(page.getByText(/Many songs wait already/)).toBeVisible();
    await expect(page.getByText(/in about [67] s/)).toBeVisible();
    await check(page);
    await page.unroute("**/api/songs");
    await page.route("**/api/jobs/*/events", (route) =>
      route.fulfill({
        contentType: "text/event-stream",
        body: 'event: failed\nid: x.1\ndata: {"kind":"failed","message":"The disk is full; free some space."}\n\n',
      }),
    );
    await expect(page.getByRole("button", { name: "Try again" })).toBeEnabled({ timeout: 20_000 });
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByText("The disk is full; free some space.")).toBeVisible();
    await check(page);
  });

  test("a model is chosen, seen at work, and what it asks for is said", async ({
    open,
    page,
    server,
  }) => {
    const song = await server.make({ seed: 5 });
    const told = await events(server.url, song.id);
    const played = { instrument: MODEL.name, commercial: false, rights: RIGHTS };
    const wishes: unknown[] = [];
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await page.route("**/api/about", async (route) => {
      const about = await (await route.fetch()).json();
      await route.fulfill({ json: { ...about, instruments: [MODEL] } });
    });
    await page.route("**/api/songs", (route) => {
      if (route.request().method() !== "POST") return route.continue();
      wishes.push(route.request().postDataJSON());
      return route.fulfill({ status: 202, json: { id: song.id, state: "running" } });
    });
    let asked = 0;
    await page.route(`**/api/jobs/${song.id}/events`, async (route) => {
      const working = told.slice(
        0,
        told.findIndex(({ kind }) => kind === "sounding"),
      );
      const first = asked++ === 0;
      if (!first) await finished; // such an answer has an end; the browser asks for more
      const rows = first ? [...working, NOTE, { kind: "progress", message: AT }] : told.slice(-1);
      const body = rows.map((row, i) => `event: ${row.kind}\nid: x.${i}\n${data(row)}\n\n`);
      await route.fulfill({ contentType: "text/event-stream", body: body.join("") });
    });
    await page.route(`**/api/songs/${song.id}`, async (route) => {
      await route.fulfill({ json: { ...(await (await route.fetch()).json()), ...played } });
    });
    await open();
    const door = page.getByRole("button", { name: /^Played by/ });
    await expect(door).toHaveText("Played by halation");
    await door.focus();
    await page.keyboard.press("Enter");
    await expect(page.getByText("songs may not be sold")).toBeVisible();
    await check(page);
    await page.getByRole("radio", { name: "halation" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Escape");
    await expect(door).toBeFocused();
    await expect(door).toHaveText("Played by musicgen-small, not for sale");
    await page.reload();
    await expect(door).toHaveText(/musicgen-small/); // it is kept
    await page.getByRole("button", { name: "Generate song" }).click();
    const making = page.getByRole("region", { name: "The song in the making" });
    await expect(making.getByText(AT)).toBeVisible();
    await expect(making.getByText(NOTE.message)).toBeVisible();
    await check(page, { fading: true });
    expect(wishes).toEqual([{ text: "", instrument: "musicgen-small" }]);
    finish();
    await expect(page.getByText(RIGHTS)).toBeVisible();
    await check(page);
  });
});

const MODEL = {
  name: "musicgen-small",
  licence: "CC-BY-NC-4.0",
  commercial: false,
  note: "A model plays the whole song, which takes minutes; songs may not be sold.",
  usual_s: 720,
};
const RIGHTS = "Played by musicgen-small (CC-BY-NC-4.0): not for sale.";
const NOTE = { kind: "note", message: "song by musicgen-small: about 12 min for 30 s of sound" };
const AT = "song by musicgen-small: hook, 40%, 7 min left";

const data = (row: object) => `data: ${JSON.stringify(row)}`;

/** What the server has told of a song that it made. */
async function events(url: string, id: string): Promise<{ kind: string }[]> {
  const text = await (await fetch(`${url}api/jobs/${id}/events`)).text();
  const rows = text.split("\n").filter((line) => line.startsWith("data: "));
  return rows.map((line) => JSON.parse(line.slice(6)));
}

test("without its server the page says so, and finds it again", async ({ open, server }) => {
  const page = await open();
  await server.stop();
  await page.getByRole("button", { name: "Generate song" }).click();
  await expect(page.getByText(/server is not running/).first()).toBeVisible();
  await check(page);
  await server.start();
  await expect(page.getByText(/server is not running/)).toHaveCount(0, { timeout: 60_000 });
});

test("it can be installed, and its shell is there without the server", async ({ open, server }) => {
  const page = await open();
  const manifest = await page.evaluate(async () => {
    const link = document.querySelector<HTMLLinkElement>("link[rel=manifest]");
    return (await fetch(link?.href ?? "")).json();
  });
  expect(manifest).toMatchObject({ display: "standalone", start_url: "/" });
  for (const { src } of manifest.icons) {
    expect((await fetch(new URL(src, server.url))).status).toBe(200);
  }
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload(); // now the worker has seen every file
  await server.stop();
  await page.reload();
  await expect(page.getByRole("heading", { name: "halation" })).toBeVisible();
  await expect(page.getByText(/server is not running/).first()).toBeVisible();
  await server.start();
});

test("still where movement is not wanted", async ({ open, page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open();
  await generate(page);
  await page.evaluate(settled);
  const running = await page.evaluate(() =>
    document
      .getAnimations()
      .flatMap(({ playState, effect }) =>
        playState === "running" && effect instanceof KeyframeEffect
          ? [effect.target?.className]
          : [],
      ),
  );
  expect(running).toEqual([]);
});

test("the sky follows the music, and rests where movement is not wanted", async ({
  open,
  page,
}) => {
  await open();
  await generate(page);
  const light = () =>
    page.evaluate(() => {
      const sky = document.querySelector("canvas") as HTMLCanvasElement;
      const { width, height } = sky;
      const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      if (!pen) throw new Error("no canvas");
      pen.drawImage(sky, 0, 0);
      const { data } = pen.getImageData(0, 0, width, height);
      return data.reduce((sum, byte) => sum + byte, 0) / data.length;
    });
  const unrest = async () => {
    const seen: number[] = [];
    for (let i = 0; i < 20; i++) {
      seen.push(await light());
      await page.waitForTimeout(100);
    }
    return Math.max(...seen) - Math.min(...seen);
  };
  let playing = 0; // an intro may begin very softly
  await expect
    .poll(async () => {
      playing = Math.max(playing, await unrest());
      return playing;
    })
    .toBeGreaterThan(0.2);
  await page.getByRole("button", { name: "Pause", exact: true }).first().click();
  await expect.poll(unrest).toBeLessThan(playing / 2); // the light goes out slowly
  await page.getByRole("button", { name: "Play", exact: true }).first().click();
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.waitForTimeout(500);
  const calm = await light();
  await page.waitForTimeout(1000);
  expect(await light()).toBe(calm);
});
