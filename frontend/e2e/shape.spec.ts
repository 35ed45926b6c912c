import type { Page } from "@playwright/test";
import { done, expect, generate, hear, test, timeGoesOn } from "./halation";

const facts = (page: Page) => page.getByRole("region", { name: "The song", exact: true });

test("a section is thrown again, heard, and undone", async ({ open, server, isMobile }) => {
  await server.empty();
  const page = await open();
  await generate(page);
  const cards = page.getByRole("region", { name: "Library" }).getByRole("listitem");
  await expect(cards).toHaveCount(1);
  await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);
  if (isMobile) await page.getByRole("button", { name: "Shape" }).click();
  const throws = page.getByRole("button", { name: /^Throw (intro|verse|hook).* again$/ });
  await throws.filter({ visible: true }).last().click();
  await expect(page.getByRole("button", { name: "Undo" })).toBeVisible();
  await done(page);
  await hear(page);
  await timeGoesOn(page);
  await expect(cards).toHaveCount(2);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);
  await hear(page);
});

test("a song gets another shape behind a quiet door", async ({ open }) => {
  const page = await open();
  await expect(page.getByRole("button", { name: "Shape" })).toHaveCount(0); // the first screen has one button
  await generate(page);
  await page.getByRole("button", { name: "Shape" }).click();
  const make = page.getByRole("button", { name: "Make it so" });
  await expect(make).toBeDisabled();
  await page.getByRole("slider", { name: /^Tempo/ }).fill("91");
  await page.getByRole("combobox", { name: "Tonic" }).selectOption("E");
  await page.getByRole("combobox", { name: "Mode" }).selectOption("minor");
  await make.click();
  await expect(page.getByRole("button", { name: "Undo" })).toBeVisible();
  await expect(facts(page).getByText("91 bpm").first()).toBeVisible();
  await expect(facts(page).getByText("E minor", { exact: true })).toBeVisible();
  await hear(page);
});

test("what cannot be is said in a line", async ({ open }) => {
  const page = await open();
  const title = await generate(page);
  await page.getByRole("button", { name: "Shape" }).click();
  await page.getByLabel("Notes from a MIDI file").setInputFiles({
    name: "no.mid",
    mimeType: "audio/midi",
    buffer: Buffer.from("this is no MIDI file"),
  });
  await expect(page.getByText(/that is no MIDI file/)).toBeVisible();
  await expect(facts(page).getByRole("heading")).toHaveText(title); // the song is still there
});

test("two takes are there side by side on wish", async ({ open }) => {
  const page = await open();
  await page.getByRole("switch", { name: "Two takes" }).click();
  const title = await generate(page, "fog");
  const takes = page.getByRole("group", { name: "Takes" });
  await expect(takes.getByRole("button", { name: "Take 1" })).toHaveAttribute(
    "aria-pressed",
    "true",
  );
  const second = takes.getByRole("button", { name: "Take 2" });
  await expect(second).toBeEnabled({ timeout: 60_000 });
  await second.click();
  await expect(facts(page).getByRole("heading")).not.toHaveText(title);
  await hear(page);
  await takes.getByRole("button", { name: "Take 1" }).click();
  await expect(facts(page).getByRole("heading")).toHaveText(title);
});
