import { type FormEvent, useEffect, useRef, useState } from "react";
import { generate, stopMaking, stopRadio } from "../actions";
import { link } from "../api/link";
import { player } from "../audio/player";
import { radio, retune } from "../audio/radio";
import { library } from "../library/library";
import { Halo } from "../scene/Halo";
import { useStore } from "../store";
import { choose, instrumentOf } from "./instruments";
import { making, retry } from "./maker";
import { PlayedBy } from "./PlayedBy";
import { share, step } from "./progress";
import { RadioSwitch } from "./RadioSwitch";
import { readLink } from "./shareLink";
import { TwoTakes } from "./Takes";

/** The one button and its line of text. */
export function Generate() {
  const { phase, progress, message, retryAt } = useStore(making);
  const { on: radioOn } = useStore(radio);
  const { song } = useStore(player);
  const [shared, setShared] = useState(() => readLink(window.location.search));
  const [text, setText] = useState(shared?.text ?? "");
  const line = useRef<HTMLInputElement>(null);
  const inWork = phase === "asking" || phase === "working";
  useEffect(() => {
    if (shared) choose(shared.instrument, false); // the link's player, not the listener's
  }, [shared]);
  const wait_s = useCountdown(phase === "full" ? retryAt : 0);

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (inWork) return;
    generate(text, shared);
    if (shared) {
      setShared(null);
      history.replaceState(null, "", "/");
    }
  }

  return (
    <form className="generate" onSubmit={submit}>
      <Halo made={inWork ? share(progress) : null}>
        <button type="submit" aria-disabled={inWork} data-work={inWork}>
          {inWork ? step(progress) : "Generate song"}
        </button>
      </Halo>
      <input
        ref={line}
        className="field line"
        aria-label="A mood in your own words, or nothing"
        placeholder="a mood in your own words, or nothing"
        maxLength={10_000}
        value={text}
        autoComplete="off"
        enterKeyHint="go"
        onChange={(event) => {
          setText(event.currentTarget.value);
          retune(event.currentTarget.value);
        }}
      />
      <div className="beneath">
        {inWork ? (
          <button
            type="button"
            className="quiet"
            onClick={() => {
              (radioOn ? stopRadio : stopMaking)();
              line.current?.focus({ preventScroll: true });
            }}
          >
            Cancel
          </button>
        ) : (
          <>
            <RadioSwitch text={text} />
            {!radioOn && <TwoTakes />}
            <PlayedBy />
          </>
        )}
      </div>
      <div className="word" aria-live="polite">
        <Offline />
        {phase === "failed" && (
          <p>
            {message}{" "}
            <button type="button" className="quiet" onClick={retry}>
              Try again
            </button>
          </p>
        )}
        {phase === "full" && (
          <p>
            {message} There will be room {wait_s > 0 ? `in about ${wait_s} s` : "now"}.{" "}
            <button type="button" className="quiet" disabled={wait_s > 0} onClick={retry}>
              Try again
            </button>
          </p>
        )}
        {inWork && progress.notice && <p>{progress.notice}</p>}
        {phase === "idle" && shared && shared.text === text && <LinkNote by={shared.instrument} />}
        {phase === "idle" && song?.text && !song.mood.understood && (
          <p>“{shortened(song.text)}” has no mood that halation can read: it chose one.</p>
        )}
        {inWork && <p className="unseen">{step(progress)}</p>}
      </div>
    </form>
  );
}

function LinkNote({ by }: { by: string }) {
  const { about } = useStore(library);
  if (!by) return <p>This link makes the same song (same version).</p>;
  if (!about || instrumentOf(about, by))
    return <p>This link makes the same song, played by {by} (same version).</p>;
  return (
    <p>This link’s song was played by {by}, which is not installed here: halation plays it.</p>
  );
}

function Offline() {
  const { online } = useStore(link);
  if (online) return null;
  return (
    <p>
      halation’s server is not running – start it again as before, with <code>make serve</code> or{" "}
      <code>halation serve</code>
    </p>
  );
}

const shortened = (text: string) => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

/** Seconds until a moment, told once a second. */
function useCountdown(until_ms: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!until_ms) return;
    setNow(Date.now());
    const timer = window.setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= until_ms) window.clearInterval(timer);
    }, 500);
    return () => window.clearInterval(timer);
  }, [until_ms]);
  return Math.max(0, Math.ceil((until_ms - now) / 1_000));
}
