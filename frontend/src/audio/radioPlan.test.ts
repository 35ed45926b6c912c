import { expect, test } from "vitest";
import { backoff_s, FADE_S, type Moment, plan } from "./radioPlan";

const MOMENT: Moment = {
  mode: "end",
  every_s: 60,
  elapsed_s: 50,
  position_s: 50,
  duration_s: 150,
  ended: false,
  ready: true,
};

test("at a song's end the next one comes in before it, so that there is no gap", () => {
  expect(plan(MOMENT).act).toBe("stay");
  const move = plan({ ...MOMENT, position_s: 146, elapsed_s: 146 });
  expect(move).toEqual({ act: "go", fade_s: FADE_S });
  expect(plan({ ...MOMENT, position_s: 149 })).toEqual({ act: "go", fade_s: 1 });
  expect(plan({ ...MOMENT, position_s: 0, ended: true })).toEqual({ act: "go", fade_s: 0 });
});

test("every X seconds: start to start, early or with a rest", () => {
  const every = { ...MOMENT, mode: "every" } as const;
  expect(plan(every)).toEqual({ act: "stay", due_s: 10 });
  expect(plan({ ...every, elapsed_s: 60 })).toEqual({ act: "go", fade_s: FADE_S });
  expect(plan({ ...every, every_s: 200, elapsed_s: 160, ended: true })).toEqual({
    act: "stay",
    due_s: 40,
  });
  expect(plan({ ...every, every_s: 200, elapsed_s: 200, ended: true })).toEqual({
    act: "go",
    fade_s: 0,
  });
});

test("a song that is not ready is waited for, and said to be late", () => {
  expect(plan({ ...MOMENT, mode: "every", every_s: 5, ready: false }).act).toBe("late");
  expect(plan({ ...MOMENT, ended: true, ready: false }).act).toBe("late");
});

test("failures are asked again ever more seldom", () => {
  expect([0, 1, 2, 10].map((n) => backoff_s(n))).toEqual([1, 2, 4, 60]);
  expect(backoff_s(1, 30)).toBe(30);
});
