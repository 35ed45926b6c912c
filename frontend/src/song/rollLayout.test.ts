import { expect, test } from "vitest";
import type { PartView } from "../api/client";
import { firstFrom, layOut } from "./rollLayout";

const PARTS: PartView[] = [
  {
    name: "kick",
    stem: "drums",
    notes: [
      [2, 0.1, 36, 100],
      [0, 0.1, 36, 90],
    ],
  },
  {
    name: "lead",
    stem: "lead",
    notes: [
      [1, 0.5, 60, 90],
      [3, 0.5, 72, 90],
    ],
  },
];

test("notes lie in order of time, higher ones higher, drums below", () => {
  const lights = layOut(PARTS);
  expect(lights.map((light) => light.onset_s)).toEqual([0, 1, 2, 3]);
  expect(lights[3]?.height).toBeGreaterThan(lights[1]?.height ?? 1);
  expect(lights[0]?.height).toBeLessThan(lights[1]?.height ?? 0);
  for (const { height } of lights) expect(height > 0 && height < 1).toBe(true);
  expect(layOut([])).toEqual([]);
});

test("the notes from a time on are found", () => {
  const lights = layOut(PARTS);
  expect([0, 0.5, 1, 9].map((time) => firstFrom(lights, time))).toEqual([0, 1, 1, 4]);
});
