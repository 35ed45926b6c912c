import { expect, test } from "vitest";
import { linkTo, readLink } from "./shareLink";

test.each([
  { text: "rain & neon, 100% = ö 🌧", seed: 7, instrument: "" },
  { text: "", seed: 2 ** 53 - 1, instrument: "musicgen-small" },
])("a link carries text, seed and player there and back: %o", (shared) => {
  expect(readLink(new URL(linkTo("http://127.0.0.1:4747", shared)).search)).toEqual(shared);
});

test.each([
  "",
  "?text=fog",
  "?text=fog&seed=",
  "?seed=-1",
  "?seed=1e3",
  "?seed=9007199254740992",
  "?seed=1.5",
])("%s is no such link", (search) => expect(readLink(search)).toBeNull());
