import { expect, test } from "vitest";
import { coloursOf, DEFAULT, luminance, parse } from "./colour";

test("any song's colours leave text readable and light visible", () => {
  for (const hexes of [
    ["#0a0d1e", "#482341", "#dd7473", "#b69cf4"],
    ["#ffffff", "#ffffff", "#000000", "#000000"],
  ]) {
    const [night, dusk, accent, glow] = coloursOf(hexes).map(luminance);
    expect(night).toBeLessThan(0.007);
    expect(dusk).toBeLessThan(0.041);
    expect(accent).toBeGreaterThan(0.27);
    expect(glow).toBeGreaterThan(0.49);
  }
});

test("colours that are none give our own", () => {
  expect(parse("#05060d")).toEqual([5, 6, 13]);
  expect(coloursOf(["red"])).toBe(DEFAULT);
  expect(coloursOf(undefined)).toBe(DEFAULT);
});
