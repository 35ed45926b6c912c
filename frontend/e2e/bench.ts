import { eavesdrop, expect, hear, Server, test } from "./halation";

/** Not a test of behaviour: `npm run bench` measures what a listener waits for. */
test("click to first sound, and page ready", async ({ page }) => {
  test.setTimeout(300_000);
  const server = new Server();
  await server.start("--length", "150");
  await server.make({ seed: 1 }); // warm
  const ready: number[] = [];
  const sound: number[] = [];
  await page.addInitScript(eavesdrop);
  for (let song = 0; song < 5; song++) {
    await page.goto(server.url);
    await expect(page.getByRole("button", { name: "Generate song" })).toBeVisible();
    ready.push(
      await page.evaluate(() => {
        const [navigation] = performance.getEntriesByType("navigation");
        const [paint] = performance.getEntriesByName("first-contentful-paint");
        const { domContentLoadedEventEnd } = navigation as PerformanceNavigationTiming;
        return Math.max(domContentLoadedEventEnd, paint?.startTime ?? 0);
      }),
    );
    await page.waitForTimeout(500);
    const clicked = Date.now();
    await page.getByRole("button", { name: "Generate song" }).click();
    await hear(page);
    sound.push((Date.now() - clicked) / 1_000);
  }
  await server.end();
  const shown = (values: number[], digits: number) => values.map((v) => Number(v.toFixed(digits)));
  console.log(
    JSON.stringify({ click_to_first_sound_s: shown(sound, 2), page_ready_ms: shown(ready, 0) }),
  );
});
