import { playTake } from "../actions";
import { player } from "../audio/player";
import { useStore } from "../store";
import { takes } from "./takes";

/** The two takes of a wish, side by side. */
export function Takes() {
  const { ids, second } = useStore(takes);
  const { song } = useStore(player);
  if (!song || !ids.includes(song.id)) return null;
  return (
    <fieldset className="takes">
      <legend className="unseen">Takes</legend>
      {ids.map((id, i) => (
        <button
          key={id}
          type="button"
          className="quiet"
          aria-pressed={id === song.id}
          disabled={i === 1 && second !== "ready"}
          onClick={() => void playTake(id)}
        >
          Take {i + 1}
          {i === 1 && second === "making" && <small>is being made</small>}
          {i === 1 && second === "failed" && <small>could not be made</small>}
        </button>
      ))}
    </fieldset>
  );
}

/** Whether a wish makes two songs to choose from. */
export function TwoTakes() {
  const { on } = useStore(takes);
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      className="quiet two"
      onClick={() => takes.set({ on: !on })}
    >
      Two takes
    </button>
  );
}
