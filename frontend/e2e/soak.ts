import { expect, hear, listenForGaps, longestGap, test } from "./halation";

const SONGS = 30;
const EVERY_S = 8;

/** Not a part of `make test`: `npm run soak` lets the radio play 30 short songs. */
test("the radio goes on without a gap and without growing", async ({ open, server }) => {
  test.setTimeout(20 * 60_000);
  const page = await open();
  const session = await page.context().newCDPSession(page);
  const memory: number[] = [];
  await page.getByLabel("A mood in your own words, or nothing").fill("rain at night");
  await page.getByRole("switch", { name: "Radio" }).click();
  await page.getByLabel("When the next song comes").selectOption("every");
  await page.getByLabel("Seconds from start to start").fill(String(EVERY_S));
  await hear(page);
  await listenForGaps(page);
  const heading = page.getByRole("region", { name: "The song", exact: true }).getByRole("heading");
  for (let song = 1; song < SONGS; song++) {
    const title = (await heading.textContent()) ?? "";
    await expect(heading).not.toHaveText(title, { timeout: 60_000 });
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = (await session.send("Runtime.getHeapUsage")) as { usedSize: number };
    memory.push(usedSize / 1e6);
  }
  const about = await (await fetch(`${server.url}api/about`)).json();
  const gap_ms = await longestGap(page);
  console.log(
    JSON.stringify({ gap_ms, memory_mb: memory.map((m) => Number(m.toFixed(1))), about }),
  );
  expect(gap_ms).toBeLessThanOrEqual(200);
  expect(about.songs).toBeLessThanOrEqual(21); // the newest 20 and the one that plays next
  const early = Math.max(...memory.slice(2, 10));
  expect(Math.max(...memory.slice(-8))).toBeLessThan(1.15 * early + 2);
  await page.getByRole("switch", { name: "Radio" }).click();
});
