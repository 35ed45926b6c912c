import { useCallback } from "react";
import { useCanvas } from "../design/canvas";
import type { Colours } from "../design/colour";
import { type Colour, css, stemColour } from "../design/colour";
import { stemLabel } from "../design/words";
import type { Progress } from "./progress";

interface Props {
  progress: Progress;
  colours: Colours;
}

/** The stems of a song in the making, one by one as they are played. */
export function Coming({ progress, colours }: Props) {
  const { stems, stemCount } = progress;
  const places = Array.from({ length: Math.max(stemCount, stems.length) }, (_, i) => i);
  return (
    <ul className="coming" aria-label="Stems">
      {places.map((place) => {
        const stem = stems[place];
        if (!stem) return <li key={place} aria-hidden="true" className="empty" />;
        return (
          <li key={place}>
            <Peaks peaks={stem.peaks} colour={stemColour(stem.name, colours)} />
            <span>{stemLabel(stem.name)}</span>
          </li>
        );
      })}
    </ul>
  );
}

/** What a model that plays for minutes tells, in the place where the waveform will be. */
export function Told({ progress }: { progress: Progress }) {
  const { doing, notes, peaks } = progress;
  return (
    <div className="told">
      <div>
        <p className="doing">{doing}</p>
        <p className="note" role="status">
          {!peaks.length && notes.at(-1)}
        </p>
      </div>
    </div>
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
