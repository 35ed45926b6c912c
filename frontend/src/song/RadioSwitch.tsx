import { startRadio, stopRadio } from "../actions";
import { radio } from "../audio/radio";
import { Icon } from "../design/Icon";
import { clock } from "../design/words";
import { useStore } from "../store";

const LONGEST_S = 3_600;

/** Music that goes on by itself; the line of text is its mood. */
export function RadioSwitch({ text }: { text: string }) {
  const { on, mode, every_s, next, due_s, usual_s } = useStore(radio);
  return (
    <div className="radio" data-on={on}>
      <button
        type="button"
        role="switch"
        aria-checked={on}
        className="quiet"
        onClick={() => (on ? stopRadio() : startRadio(text))}
      >
        <Icon name="radio" />
        Radio
      </button>
      {on && (
        <>
          <label>
            <span className="unseen">When the next song comes</span>
            <select
              className="quiet"
              value={mode}
              onChange={(event) =>
                radio.set({ mode: event.currentTarget.value as "end" | "every" })
              }
            >
              <option value="end">when the song ends</option>
              <option value="every">every</option>
            </select>
          </label>
          {mode === "every" && (
            <label className="every">
              <span className="unseen">Seconds from start to start</span>
              <input
                className="field"
                type="number"
                min={1}
                max={LONGEST_S}
                value={every_s}
                onChange={(event) => {
                  const seconds = event.currentTarget.valueAsNumber;
                  if (seconds >= 1 && seconds <= LONGEST_S) radio.set({ every_s: seconds });
                }}
              />
              s
            </label>
          )}
          <span className="radio-word">
            <span role="status">
              {radioWord(next, mode === "every" && every_s < usual_s, usual_s)}
            </span>
            {mode === "every" && next === "ready" && `, in ${clock(due_s)}`}
          </span>
        </>
      )}
    </div>
  );
}

function radioWord(next: string, tooFast: boolean, usual_s: number): string {
  if (tooFast || next === "late") {
    return `songs take ${Math.max(1, Math.round(usual_s))} s to make here; the next comes when it is ready`;
  }
  if (next === "trouble") return "the next song could not be made; trying again";
  if (next === "ready") return "the next song is ready";
  return next === "making" ? "the next song is being made" : "";
}
