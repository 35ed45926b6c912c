import { type KeyboardEvent, type PointerEvent, useCallback, useEffect, useRef } from "react";
import { onTime, position, seek } from "../audio/player";
import { useCanvas } from "../design/canvas";
import { useFrame } from "../design/frames";
import { clock, spoken } from "../design/words";
import { type Look, sectionAt } from "./look";
import { drawWave } from "./wave";

// Our own, not wavesurfer.js: three transports drive it (file, stems, radio), under a strict policy of content, as a true slider.
const STEP_S = 5;
const LEAP_S = 20;

export function Waveform({
  look,
  still = false,
  compact = false,
}: {
  look: Look;
  still?: boolean;
  compact?: boolean;
}) {
  const root = useRef<HTMLDivElement>(null);
  const lit = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const { duration_s, sections } = look;

  const base = useCanvas(useCallback((pen, w, h) => drawWave(pen, w, h, look, false), [look]));
  const bright = useCanvas(useCallback((pen, w, h) => drawWave(pen, w, h, look, true), [look]));

  const say = useCallback(() => {
    const slider = root.current;
    if (!slider || still) return;
    const at = position();
    const section = sectionAt(sections, at);
    slider.setAttribute("aria-valuenow", String(Math.round(at)));
    slider.setAttribute(
      "aria-valuetext",
      `${spoken(at)} of ${spoken(duration_s)}${section ? `, ${section.name}` : ""}`,
    );
  }, [sections, duration_s, still]);
  useEffect(() => {
    say();
    return onTime(say);
  }, [say]);

  useFrame(() => {
    const share = still || !duration_s ? 0 : Math.min(1, position() / duration_s);
    lit.current?.style.setProperty("clip-path", `inset(0 ${(100 - share * 100).toFixed(3)}% 0 0)`);
    head.current?.style.setProperty("translate", `${(share * 100).toFixed(3)}% 0`);
  });

  function drag(event: PointerEvent<HTMLDivElement>): void {
    if (event.type === "pointerdown") {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
    } else if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * duration_s);
  }

  function press(event: KeyboardEvent): void {
    const moves: Record<string, number> = {
      ArrowLeft: position() - STEP_S,
      ArrowDown: position() - STEP_S,
      ArrowRight: position() + STEP_S,
      ArrowUp: position() + STEP_S,
      PageDown: position() - LEAP_S,
      PageUp: position() + LEAP_S,
      Home: 0,
      End: duration_s,
    };
    const to = moves[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    seek(to);
  }

  const slider = still
    ? { "aria-hidden": true }
    : {
        role: "slider",
        tabIndex: 0,
        "aria-label": "Place in the song",
        "aria-valuemin": 0,
        "aria-valuemax": Math.round(duration_s),
        "aria-valuenow": 0,
        "aria-valuetext": clock(0),
        onPointerDown: drag,
        onPointerMove: drag,
        onKeyDown: press,
      };
  return (
    <div
      ref={root}
      className={compact ? "wave compact" : "wave"}
      data-made={look.peaks.length > 0}
      {...slider}
    >
      <canvas ref={base} />
      <div ref={lit} className="lit">
        <canvas ref={bright} />
      </div>
      <div ref={head} className="head" hidden={still} />
    </div>
  );
}
