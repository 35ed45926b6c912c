import { readFileSync } from "node:fs";
import { expect, generate, hear, loudness, place, test, timeGoesOn } from "./halation";

test("the button makes a song that plays", async ({ open, server }) => {
  await server.empty();
  const page = await open();
  await expect(page.getByText("Your songs will gather here.")).toBeVisible();
  const button = page.getByRole("button", { name: "Generate song" });
  await button.click();
  await expect(page.getByRole("button", { name: /^intro/ })).toBeVisible();
  await expect(page.getByRole("button", { name: "Pause", exact: true }).first()).toBeVisible();
  await hear(page);
  await timeGoesOn(page);
  await expect(button).toBeVisible(); // ready for the next one
  await expect(page.getByRole("region", { name: "Library" }).getByRole("listitem")).toHaveCount(1);
});

test("space after the button pauses the song and makes no other", async ({ open }) => {
  const page = await open();
  const title = await generate(page);
  await expect(page.locator(":focus")).toHaveAccessibleName("Pause");
  await page.keyboard.press("Space");
  await expect(page.getByRole("button", { name: "Play", exact: true }).first()).toBeVisible();
  await expect.poll(() => loudness(page)).toBeLessThan(1e-4);
  const song = page.getByRole("region", { name: "The song", exact: true });
  await expect(song.getByRole("heading")).toHaveText(title);
});

test("what is being made is not lost when another song is played", async ({ open, server }) => {
  await server.make({ seed: 11 });
  const page = await open();
  const cards = page.getByRole("region", { name: "Library" }).getByRole("listitem");
  await expect(cards.first()).toBeVisible();
  const before = await cards.count();
  await page.getByRole("button", { name: "Generate song" }).click();
  await expect(page.getByRole("button", { name: /^intro/ })).toBeVisible();
  await cards.first().getByRole("button", { name: /^Play/ }).click();
  await expect(page.getByText(/in the making goes on/)).toBeVisible();
  await hear(page);
  await expect(cards).toHaveCount(before + 1);
});

test("play, pause, seek, volume and keys", async ({ open }) => {
  const page = await open();
  await generate(page, "rain on a neon window");
  const slider = page.getByRole("slider", { name: "Place in the song" }).first();
  await page.keyboard.press("Escape");
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("Space");
  await expect(page.getByRole("button", { name: "Play", exact: true }).first()).toBeVisible();
  await expect.poll(() => loudness(page)).toBeLessThan(1e-4);
  const at = await place(page);
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => place(page)).toBeGreaterThanOrEqual(at + 4);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Space");
  await hear(page);
  await page.keyboard.press("m");
  await expect(page.getByRole("button", { name: "Mute", exact: true }).first()).toHaveAttribute(
    "aria-pressed",
    "true",
  );
  await page.keyboard.press("m");
  await slider.focus();
  await page.keyboard.press("Home");
  await expect.poll(() => place(page)).toBeLessThan(3);
  const box = await slider.boundingBox();
  if (!box) throw new Error("no waveform");
  await slider.click({ position: { x: box.width / 2, y: box.height / 2 } });
  await expect.poll(() => place(page)).toBeGreaterThan(12);
  await page
    .getByRole("button", { name: /^verse, from/ })
    .first()
    .click();
  await expect(page.getByRole("button", { name: /^verse, from/ }).first()).toHaveAttribute(
    "aria-current",
    "true",
  );
});

test("media keys and the lock screen", async ({ open, page }) => {
  await page.addInitScript(() => {
    const keys: Record<string, MediaSessionActionHandler | null> = {};
    Object.assign(window, { keys });
    navigator.mediaSession.setActionHandler = (action, handler) => {
      keys[action] = handler; // Chromium gives a script no way to press a media key
    };
  });
  const press = (action: MediaSessionAction, details: object = {}) =>
    page.evaluate(
      ([action, details]) =>
        (window as never as { keys: Record<string, (details: object) => void> }).keys[action]?.({
          action,
          ...details,
        }),
      [action, details] as const,
    );
  await open();
  const title = await generate(page, "");
  expect(await page.evaluate(() => navigator.mediaSession.metadata?.title)).toBe(title);
  const art = await page.evaluate(() =>
    Promise.all(
      (navigator.mediaSession.metadata?.artwork ?? []).map(
        async ({ src }) => (await fetch(src)).status,
      ),
    ),
  );
  expect(art).toEqual([200, 200]);
  await press("pause");
  await expect(page.getByRole("button", { name: "Play", exact: true }).first()).toBeVisible();
  await press("seekto", { seekTime: 20 });
  await expect.poll(() => place(page)).toBeCloseTo(20, 0);
  await press("seekbackward");
  await expect.poll(() => place(page)).toBeCloseTo(10, 0);
  await press("play");
  await hear(page);
  expect(await page.evaluate(() => navigator.mediaSession.playbackState)).toBe("playing");
});

test("song and place survive a reload, paused", async ({ open }) => {
  const page = await open();
  const title = await generate(page, "fog");
  await page.getByRole("slider", { name: "Place in the song" }).first().focus();
  await page.keyboard.press("PageUp");
  await expect.poll(() => place(page)).toBeGreaterThan(18);
  const at = await place(page);
  await page.reload();
  const song = page.getByRole("region", { name: "The song", exact: true });
  await expect(song.getByRole("heading")).toHaveText(title);
  await expect(page.getByRole("button", { name: "Play", exact: true }).first()).toBeVisible();
  await expect.poll(() => place(page)).toBeGreaterThanOrEqual(at - 2);
  await page.getByRole("button", { name: "Play", exact: true }).first().click();
  await hear(page);
});

test("a song in the making is cancelled, and the old one does not play on", async ({ open }) => {
  const page = await open();
  await generate(page);
  await page.getByRole("button", { name: "Generate song" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("button", { name: "Generate song" })).toBeVisible();
  const title = await generate(page, "another one");
  await expect(
    page.getByRole("region", { name: "The song", exact: true }).getByRole("heading"),
  ).toHaveText(title);
  await page.getByRole("button", { name: "Pause", exact: true }).first().click();
  await expect.poll(() => loudness(page)).toBeLessThan(1e-4); // nothing else sounds
});

test("every file comes down", async ({ open, server }) => {
  const page = await open();
  await generate(page, "Ünïcode / Glass?");
  await page.getByRole("button", { name: "Download" }).click();
  const heads: [RegExp, string, RegExp][] = [
    [/^WAV/, "RIFF", /\.wav$/],
    [/^MP3/, "ID3", /\.mp3$/],
    [/^MIDI as played/, "MThd", /\.mid$/],
    [/^MIDI on the grid/, "MThd", /-grid\.mid$/],
    [/^Cover/, "\u0089PNG", /\.png$/],
    [/^song\.json/, "{", /\.json$/],
  ];
  for (const [name, head, file] of heads) {
    const coming = page.waitForEvent("download");
    await page.getByRole("link", { name }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(file);
    expect(readFileSync(await download.path()).toString("latin1", 0, head.length)).toBe(head);
  }
  const coming = page.waitForEvent("download", { timeout: 60_000 });
  await page.getByRole("button", { name: /^Stems FLAC/ }).click();
  const zip = await coming;
  expect(zip.suggestedFilename()).toMatch(/stems\.zip$/);
  const content = readFileSync(await zip.path());
  expect(content.toString("latin1", 0, 2)).toBe("PK");
  for (const stem of ["drums", "bass", "pads", "space"]) {
    expect(content.includes(`${stem}.flac`)).toBe(true);
  }
  const { songs } = (await (await fetch(`${server.url}api/songs?limit=1`)).json()) as {
    songs: { stems: string[] }[];
  };
  expect(songs[0]?.stems.length).toBeGreaterThanOrEqual(5);
});

test("stems are muted and soloed while they play, in little memory", async ({ open }) => {
  const page = await open();
  await generate(page, "a hook with drums");
  await page.getByRole("slider", { name: "Place in the song" }).first().focus();
  await page.keyboard.press("PageUp");
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("button", { name: "Stems", exact: true }).click();
  const mixer = page.getByRole("region", { name: "Stems", exact: true });
  await expect(mixer.getByRole("button", { name: "Mute drums" })).toBeVisible({ timeout: 60_000 });
  await hear(page);
  await timeGoesOn(page);
  const names = await mixer.getByRole("button", { name: /^Mute / }).all();
  expect(names.length).toBeGreaterThanOrEqual(5);
  for (const mute of names) await mute.click();
  await expect.poll(() => loudness(page)).toBeLessThan(1e-4);
  await timeGoesOn(page); // silent, and yet it goes on
  await mixer.getByRole("button", { name: "Solo pads" }).click();
  await hear(page);
  const megabytes = await page.evaluate(() => {
    const alive = window.ears.decoded.flatMap((ref) => ref.deref() ?? []);
    return alive.reduce((sum, b) => sum + b.length * b.numberOfChannels * 4, 0) / 1e6;
  });
  expect(megabytes).toBeGreaterThan(1);
  expect(megabytes).toBeLessThan(150);
  await page.getByRole("button", { name: "Close stems" }).click();
  await hear(page);
  const session = await page.context().newCDPSession(page);
  await expect
    .poll(async () => {
      await session.send("HeapProfiler.collectGarbage");
      return page.evaluate(() => window.ears.decoded.filter((ref) => ref.deref()).length);
    })
    .toBe(0);
});
