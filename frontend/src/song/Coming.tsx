import { useCallback } from "react";
import { useCanvas } from "../design/canvas";
import type { Colours } from "../design/colour";
import { type Colour, css, stemColour } from "../design/colour";
import type { StemPeaks } from "./progress";

interface Props {
  stems: readonly StemPeaks[];
  count: number;
  colours: Colours;
}

/** The stems of a song in the making, one by one as they are played. */
export function Coming({ stems, count, colours }: Props) {
  const places = Array.from({ length: Math.max(count, stems.length) }, (_, i) => i);
  return (
    <ul className="coming" aria-label="Stems">
      {places.map((place) => {
        const stem = stems[place];
        if (!stem) return <li key={place} aria-hidden="true" className="empty" />;
        return (
          <li key={place}>
            <Peaks peaks={stem.peaks} colour={stemColour(stem.name, colours)} />
            <span>{stem.name}</span>
          </li>
        );
      })}
    </ul>
  );
}

export function Peaks({ peaks, colour }: { peaks: readonly number[]; colour: Colour }) {
  const ref = useCanvas(
    useCallback(
      (pen, width, height) => {
        pen.fillStyle = css(colour, 0.85);
        const step = width / peaks.length;
        peaks.forEach((peak, i) => {
          const tall = Math.max(0.6, (peak / 255) * height);
          pen.fillRect(i * step, (height - tall) / 2, Math.max(0.7, step * 0.8), tall);
        });
      },
      [peaks, colour],
    ),
  );
  return <canvas ref={ref} aria-hidden="true" />;
}
