import { expect, test } from "vitest";
import { clock, size, spoken } from "./words";

test("times are short for eyes and whole for ears", () => {
  expect([0, 9.99, 75, 600, -1].map(clock)).toEqual(["0:00", "0:09", "1:15", "10:00", "0:00"]);
  expect([0, 1, 61, 150].map(spoken)).toEqual([
    "0 seconds",
    "1 second",
    "1 minute 1 second",
    "2 minutes 30 seconds",
  ]);
});

test("sizes", () => {
  expect([46, 5_300].map(size)).toEqual(["46 MB", "5.3 GB"]);
});
