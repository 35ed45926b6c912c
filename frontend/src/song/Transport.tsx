import { useEffect, useRef } from "react";
import { onTime, player, position, setMuted, setVolume, toggle } from "../audio/player";
import { Icon } from "../design/Icon";
import { clock } from "../design/words";
import { useStore } from "../store";

export function PlayButton() {
  const { playing } = useStore(player);
  return (
    <button type="button" className="play" onClick={toggle} aria-label={playing ? "Pause" : "Play"}>
      <Icon name={playing ? "pause" : "play"} filled={!playing} />
    </button>
  );
}

/** The time, written straight into the page: it changes often. */
export function Clock({ duration_s }: { duration_s: number }) {
  const ref = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const write = () => {
      if (ref.current) ref.current.textContent = clock(position());
    };
    write();
    return onTime(write);
  }, []);
  return (
    <span className="clock">
      <span ref={ref} /> <span className="of">{clock(duration_s)}</span>
    </span>
  );
}

export function MuteButton() {
  const { muted, volume } = useStore(player);
  const silent = muted || volume === 0;
  return (
    <button
      type="button"
      className="quiet icon"
      aria-pressed={muted}
      onClick={() => setMuted(!muted)}
      aria-label="Mute"
    >
      <Icon name={silent ? "muted" : "volume"} />
    </button>
  );
}

export function Volume() {
  const { muted, volume } = useStore(player);
  return (
    <div className="volume">
      <MuteButton />
      <input
        type="range"
        min={0}
        max={1}
        step={0.02}
        value={muted ? 0 : volume}
        aria-label="Volume"
        onChange={(event) => setVolume(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}
