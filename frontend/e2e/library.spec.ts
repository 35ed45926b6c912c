import { expect, generate, hear, test } from "./halation";

test("a song is liked, renamed, found, deleted and brought back", async ({ open, server }) => {
  await server.empty();
  await server.make({ seed: 1, text: "a zebra in the rain" });
  const snow = await server.make({ seed: 2, text: "snow" });
  const page = await open();
  const library = page.getByRole("region", { name: "Library" });
  await expect(library.getByRole("listitem")).toHaveCount(2);
  await expect(library.getByRole("listitem").first()).toContainText(snow.title); // newest first
  await library.getByRole("button", { name: `Rename ${snow.title}` }).click();
  await page.keyboard.type("Glass Harbour");
  await page.keyboard.press("Enter");
  await expect(library.getByRole("heading", { name: "Glass Harbour" })).toBeVisible();
  await expect(library.getByRole("button", { name: "Rename Glass Harbour" })).toBeFocused();
  const heart = library.getByRole("button", { name: "Like Glass Harbour" });
  await heart.click();
  await expect(heart).toHaveAttribute("aria-pressed", "true");
  await page.reload();
  await expect(heart).toHaveAttribute("aria-pressed", "true");
  await library.getByRole("button", { name: "Only liked songs" }).click();
  await expect(library.getByRole("listitem")).toHaveCount(1);
  await library.getByRole("button", { name: "Only liked songs" }).click();
  await library.getByRole("searchbox").fill("ZEBRA rain");
  await expect(library.getByRole("heading", { name: "Glass Harbour" })).toBeHidden();
  await library.getByRole("searchbox").fill("no such song");
  await expect(library.getByText("No song fits.")).toBeVisible();
  await library.getByRole("searchbox").fill("");
  await expect(library.getByRole("listitem")).toHaveCount(2);
  await library.getByRole("button", { name: "Delete Glass Harbour" }).click();
  await expect(library.getByRole("listitem")).toHaveCount(1);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(library.getByRole("listitem")).toHaveCount(2);
  await library.getByRole("button", { name: /^Play Glass Harbour/ }).click();
  await hear(page);
});

test("the room for songs is shown and set", async ({ open, server }) => {
  await server.make({ seed: 3 });
  const page = await open();
  await page.getByRole("button", { name: /^Room/ }).click();
  await page.getByRole("spinbutton", { name: "Room for songs" }).fill("7");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  const settings = await (await fetch(`${server.url}api/settings`)).json();
  expect(settings).toEqual({ quota_mb: 7000 });
});

test("a link makes the same song, on a click and never by itself", async ({
  open,
  server,
  context,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await open();
  const title = await generate(page, "crying diamonds & 100% rain");
  await page.getByRole("button", { name: "Share" }).click();
  const link = await page.getByLabel("Link to this song").inputValue();
  const before = await songs(server.url);
  await page.goto(link);
  await expect(page.getByText("This link makes the same song")).toBeVisible();
  await expect(page.getByRole("region", { name: "The song", exact: true })).toBeHidden();
  await expect(page.getByLabel("A mood in your own words, or nothing")).toHaveValue(
    "crying diamonds & 100% rain",
  );
  expect(await songs(server.url)).toEqual(before);
  expect(await generate(page)).toBe(title);
  const [again, first] = await songs(server.url);
  expect(again?.seed).toBe(first?.seed);
});

test("the library survives the server", async ({ open, server }) => {
  await server.make({ seed: 4 });
  const page = await open();
  const library = page.getByRole("region", { name: "Library" });
  await expect(library.getByRole("listitem").first()).toBeVisible();
  const count = await library.getByRole("listitem").count();
  await server.stop("SIGKILL");
  await server.start();
  await page.reload();
  await expect(library.getByRole("listitem")).toHaveCount(count);
});

async function songs(url: string): Promise<{ id: string; seed: number }[]> {
  const page = (await (await fetch(`${url}api/songs?limit=100`)).json()) as {
    songs: { id: string; seed: number }[];
  };
  return page.songs.map(({ id, seed }) => ({ id, seed }));
}
