import type { Progress } from "./progress";

/** What a model that plays for minutes tells, in the place where the waveform will be. */
export function Told({ progress }: { progress: Progress }) {
  const { doing, notes, mastered } = progress;
  return (
    <div className="told">
      <div>
        <p className="doing">{doing}</p>
        <p className="note" role="status">
          {!mastered && notes.at(-1)}
        </p>
      </div>
    </div>
  );
}
