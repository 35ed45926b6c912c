import type { Page } from "@playwright/test";
import { expect, Server, test } from "./halation";

/** Not a test: `npm run shots` draws the pictures of the README. */
const MOODS = [
  "rain on a neon window",
  "golden dust in my childhood bedroom",
  "a white horse on the frozen lake",
  "euphoric summer rave",
  "a cathedral at the bottom of the sea",
  "pink clouds in slow motion",
  "heartbroken ghost in the snow",
  "chrome roses in the dust",
];

test("pictures of the page", async ({ page }) => {
  test.setTimeout(300_000);
  const server = new Server();
  await server.start("--length", "150");
  await page.goto(server.url);
  await expect(page.getByText("Your songs will gather here.")).toBeVisible();
  await shoot(page, "empty");
  for (const [seed, text] of MOODS.entries()) await server.make({ seed, text });
  await page.reload();
  await expect(page.getByRole("listitem")).toHaveCount(MOODS.length);
  await page
    .getByLabel("A mood in your own words, or nothing")
    .fill("Bladee floating in dreamscape");
  await page.getByRole("button", { name: "Generate song" }).click();
  await expect(page.getByText("making the rest").first()).toBeVisible();
  await shoot(page, "making");
  await hearFrom(page);
  await page
    .getByRole("button", { name: /^hook, from/ })
    .first()
    .click();
  await page.waitForTimeout(3_000);
  await shoot(page, "playing");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(1_500);
  await shoot(page, "phone");
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole("button", { name: "Stems", exact: true }).click();
  await page.getByRole("button", { name: "Mute drums" }).click({ timeout: 60_000 });
  await page.waitForTimeout(1_000);
  await page.getByRole("region", { name: "Stems", exact: true }).scrollIntoViewIfNeeded();
  await shoot(page, "stems");
  await page.getByRole("region", { name: "Library" }).scrollIntoViewIfNeeded();
  await page.mouse.wheel(0, 900);
  await page.waitForTimeout(1_500);
  await shoot(page, "library");
  await server.end();
});

async function hearFrom(page: Page): Promise<void> {
  await expect(page.getByRole("button", { name: "Pause", exact: true }).first()).toBeVisible();
}

async function shoot(page: Page, name: string): Promise<void> {
  const path = `../docs/images/page-${name}.jpg`;
  await page.screenshot({ path, quality: 82, type: "jpeg" });
}
