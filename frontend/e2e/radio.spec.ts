import { expect, hear, listenForGaps, longestGap, loudness, test } from "./halation";

test("the radio goes on by itself, every X seconds, without a gap, and stops with one click", async ({
  open,
  server,
}) => {
  const page = await open();
  await page.getByLabel("A mood in your own words, or nothing").fill("rain at night");
  const radio = page.getByRole("switch", { name: "Radio" });
  await radio.click();
  await page.getByLabel("When the next song comes").selectOption("every");
  await page.getByLabel("Seconds from start to start").fill("6");
  await hear(page);
  const heading = page.getByRole("region", { name: "The song", exact: true }).getByRole("heading");
  await listenForGaps(page);
  const titles: string[] = [];
  for (let song = 0; song < 3; song++) {
    const title = (await heading.textContent()) ?? "";
    titles.push(title);
    await expect(heading).not.toHaveText(title, { timeout: 40_000 });
  }
  expect(new Set(titles).size).toBe(3);
  await page.waitForTimeout(1_000); // a crossfade is heard to its end
  const gap_ms = await longestGap(page);
  expect(gap_ms).toBeLessThanOrEqual(200);
  await radio.click();
  await expect(radio).toHaveAttribute("aria-checked", "false");
  expect(await loudness(page)).toBeGreaterThan(0); // the song itself plays to its end
  await expect
    .poll(async () => (await (await fetch(`${server.url}api/jobs`)).json()).length)
    .toBe(0);
});

test("shorter than the rendering waits and says so", async ({ open }) => {
  const page = await open();
  await page.getByRole("switch", { name: "Radio" }).click();
  await page.getByLabel("When the next song comes").selectOption("every");
  await page.getByLabel("Seconds from start to start").fill("1");
  await hear(page);
  await expect(page.getByText(/songs take \d+ s to make here/)).toBeVisible();
  await page.getByRole("switch", { name: "Radio" }).click();
});
