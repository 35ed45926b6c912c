import { type RefObject, useEffect, useRef } from "react";

export type Draw = (pen: CanvasRenderingContext2D, width: number, height: number) => void;

const MAX_RATIO = 2;

/** A canvas that is drawn again whenever its size or `draw` changes; units are CSS pixels. */
export function useCanvas(draw: Draw): RefObject<HTMLCanvasElement | null> {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = ref.current;
    if (!canvas) return;
    const paint = () => sized(canvas, draw);
    const observer = new ResizeObserver(paint);
    observer.observe(canvas);
    return () => observer.disconnect();
  }, [draw]);
  return ref;
}

/** Clears a canvas at its present size, and draws. */
export function sized(canvas: HTMLCanvasElement, draw: Draw): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = Math.min(MAX_RATIO, window.devicePixelRatio || 1);
  const pen = canvas.getContext("2d");
  if (!pen || !width || !height) return;
  const wide = Math.round(width * ratio);
  const high = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  draw(pen, width, height);
}
