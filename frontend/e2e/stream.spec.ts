import type { Page } from "@playwright/test";
import {
  done,
  expect,
  hear,
  listenForGaps,
  longestGap,
  loudness,
  place,
  type Server,
  test,
  timeGoesOn,
} from "./halation";

const NEAR_S = 20;

test("a song sounds while it is made, and plays on without a gap when it is done", async ({
  open,
  server,
}) => {
  const page = await open();
  await page.getByRole("button", { name: "Generate song" }).click();
  await hear(page);
  await listenForGaps(page);
  const sounded_s = await place(page);
  await done(page);
  await expect.poll(() => place(page)).toBeGreaterThan(sounded_s + 6);
  expect(await longestGap(page)).toBeLessThan(150);
  expect(await page.evaluate(() => window.ears.halts)).toEqual([]);
  // Whoever comes back later hears the file that is kept.
  await page.reload();
  const asked = page.waitForRequest(/files\/song\.mp3/);
  await page.getByRole("button", { name: "Play", exact: true }).first().click();
  await asked;
  await hear(page);
  expect(await songs(server)).toBeGreaterThan(0);
});

test.describe("a song of which half is there", () => {
  test.use({ serviceWorkers: "block" }); // what passes through one, the test does not see

  test("is played and searched as far as it is there, and cancelled with its sound", async ({
    open,
    page,
    server,
  }) => {
    const story = await half(page, server);
    await open();
    await page.getByRole("button", { name: "Generate song" }).click();
    await hear(page);
    await timeGoesOn(page);
    await expect(page.getByRole("button", { name: "Download" })).toHaveCount(0);
    const slider = page.getByRole("slider", { name: "Place in the song" }).first();
    await slider.focus();
    await page.keyboard.press("End");
    await expect.poll(() => place(page)).toBeGreaterThan(NEAR_S - 3);
    expect(await place(page)).toBeLessThanOrEqual(NEAR_S);
    await page.keyboard.press("Home");
    await hear(page);
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect.poll(() => loudness(page)).toBeLessThan(1e-4);
    await expect(page.getByRole("button", { name: "Generate song" })).toBeVisible();
    await expect.poll(() => story.withdrawn).toBe(true);
  });

  test("fails, and says so, and what was there plays on", async ({ open, page, server }) => {
    const story = await half(page, server);
    await open();
    await page.getByRole("button", { name: "Generate song" }).click();
    await hear(page);
    story.end({ kind: "failed", message: "The disk is full; free some space." });
    await expect(page.getByText("The disk is full; free some space.")).toBeVisible();
    await timeGoesOn(page);
    expect(await loudness(page)).toBeGreaterThan(0);
    await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
    await expect(page.getByRole("button", { name: "Download" })).toHaveCount(0);
  });
});

interface Story {
  withdrawn: boolean;
  end(event: object): void;
}

/** Lets the page ask for a song, tells it that a part of it is there, and no more until `end`. */
async function half(page: Page, server: Server): Promise<Story> {
  const song = await server.make({ seed: 6 });
  const told = await events(server.url, song.id);
  const form = told.slice(
    0,
    told.findIndex(({ kind }) => kind === "effects"),
  );
  const sound = `/api/jobs/${song.id}/sound.mp3`;
  const part = { kind: "sounding", sound, ready_s: NEAR_S, peaks: Array(400).fill(120) };
  let last = (_: object) => {};
  const ended = new Promise<object>((resolve) => {
    last = resolve;
  });
  const story: Story = { withdrawn: false, end: (event) => last(event) };
  await page.route("**/api/songs", (route) => {
    if (route.request().method() !== "POST") return route.continue();
    return route.fulfill({
      status: 202,
      json: { id: "half", state: "running", text: "", seed: 6 },
    });
  });
  await page.route("**/api/jobs/half", (route) => {
    story.withdrawn ||= route.request().method() === "DELETE";
    return route.fulfill({ json: { id: "half", state: "running" } });
  });
  let asked = 0;
  await page.route("**/api/jobs/half/events", async (route) => {
    const rows = asked++ === 0 ? [...form, part] : [(await ended) as { kind: string }];
    const body = rows.map((row, i) => `event: ${row.kind}\nid: x.${i}\n${data(row)}\n\n`);
    await route.fulfill({ contentType: "text/event-stream", body: body.join("") }).catch(() => {});
  });
  return story;
}

const data = (row: object) => `data: ${JSON.stringify(row)}`;

/** What the server has told of a song that it made. */
async function events(url: string, id: string): Promise<{ kind: string }[]> {
  const text = await (await fetch(`${url}api/jobs/${id}/events`)).text();
  const rows = text.split("\n").filter((line) => line.startsWith("data: "));
  return rows.map((line) => JSON.parse(line.slice(6)));
}

async function songs(server: Server): Promise<number> {
  return (await (await fetch(`${server.url}api/songs`)).json()).total;
}
