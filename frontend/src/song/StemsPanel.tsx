import { useEffect, useRef } from "react";
import { enterStems, leaveStems, throwAgain } from "../actions";
import { player } from "../audio/player";
import type { StemsTransport } from "../audio/stems";
import { css, stemColour } from "../design/colour";
import { reduced, useFrame } from "../design/frames";
import { Icon } from "../design/Icon";
import { stemLabel } from "../design/words";
import { useStore } from "../store";
import type { Look } from "./look";
import { door } from "./stemsDoor";

export function StemsPanel({ look }: { look: Look }) {
  const { open, phase, written, count, position, doing, message } = useStore(door);
  const { song, stems } = useStore(player);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const behavior = reduced.matches ? "auto" : "smooth";
    if (open) panel.current?.scrollIntoView({ block: "nearest", behavior });
  }, [open]);
  if (!open) return null;
  const model = song?.instrument;
  const ours = `Playing each part once more: ${position ? `${position} before them` : doing || "0%"}`;
  return (
    <section className="stems" aria-label="Stems" id="stems" ref={panel}>
      <p className="stems-note" role="status">
        {phase === "making" &&
          (model ? `${model} plays the song once more: it takes as long as it did` : ours)}
        {phase === "failed" && message}
        {phase === "idle" && !stems && "Opening"}
        {phase === "idle" && stems && "Mute what you like, or hear one alone."}
      </p>
      {phase === "making" && model && doing && <p className="doing">{doing}</p>}
      {phase === "failed" && (
        <button type="button" className="quiet" onClick={() => void enterStems()}>
          Try again
        </button>
      )}
      {stems && phase === "idle" ? (
        <Mixer stems={stems} look={look} />
      ) : (
        <ul className="mixer">
          {Array.from({ length: count }, (_, i) => (
            <li key={written[i] ?? i} className={written[i] ? "" : "empty"}>
              <span className="stem-name">{stemLabel(written[i] ?? "")}</span>
            </li>
          ))}
        </ul>
      )}
      <button
        type="button"
        className="quiet icon stems-close"
        aria-label="Close stems"
        onClick={leaveStems}
      >
        <Icon name="close" />
      </button>
    </section>
  );
}

function Mixer({ stems, look }: { stems: StemsTransport; look: Look }) {
  const { muted, solo, megabytes } = useStore(stems.mix);
  return (
    <ul className="mixer" data-decoded-mb={megabytes.toFixed(1)}>
      {stems.names.map((name) => {
        const heard = solo.size ? solo.has(name) : !muted.has(name);
        return (
          <li
            key={name}
            className={heard ? "heard" : ""}
            style={{ color: css(stemColour(name, look.colours)) }}
          >
            <Level stems={stems} name={name} />
            <span className="stem-name">{stemLabel(name)}</span>
            <button
              type="button"
              className="quiet"
              aria-pressed={muted.has(name)}
              aria-label={`Mute ${stemLabel(name)}`}
              onClick={() => stems.setMuted(name, !muted.has(name))}
            >
              mute
            </button>
            <button
              type="button"
              className="quiet"
              aria-pressed={solo.has(name)}
              aria-label={`Solo ${stemLabel(name)}`}
              onClick={() => stems.setSolo(name, !solo.has(name))}
            >
              solo
            </button>
            {name !== "song" && name !== "space" && (
              <button
                type="button"
                className="quiet icon"
                aria-label={`Throw ${stemLabel(name)} again`}
                title={`Throw ${stemLabel(name)} again`}
                onClick={() => throwAgain(name)}
              >
                <Icon name="again" />
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** A light as bright as the stem is loud. */
function Level({ stems, name }: { stems: StemsTransport; name: string }) {
  const ref = useRef<HTMLSpanElement>(null);
  const shown = useRef(0);
  useFrame(() => {
    const level = player.get().playing ? stems.level(name) : 0;
    shown.current += (level - shown.current) * (level > shown.current ? 0.5 : 0.1);
    ref.current?.style.setProperty("--level", shown.current.toFixed(3));
  });
  return <span ref={ref} className="level" aria-hidden="true" />;
}
