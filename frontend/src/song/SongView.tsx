import { useEffect, useMemo, useRef } from "react";
import type { SongDetail } from "../api/client";
import { player } from "../audio/player";
import { setLight } from "../scene/light";
import { useLater, useStore } from "../store";
import { Doors } from "./Doors";
import { lookOf, lookOfProgress } from "./look";
import { making } from "./maker";
import { NOTHING } from "./progress";
import { Roll } from "./Roll";
import { Sections } from "./Sections";
import { StemsPanel } from "./StemsPanel";
import { Takes } from "./Takes";
import { Told } from "./Told";
import { Clock, PlayButton, Volume } from "./Transport";
import { Waveform } from "./Waveform";
import "./song.css";

/** A model may play for minutes: its notes are drawn meanwhile. */
const HELD_BACK_MS = 1_000;
const AFTER_SOUND_MS = 300;

/** Whether parts of a song can be thrown again: it is whole, and no model plays it as one. */
function mayChange(song: SongDetail | null, ready_s: number | null): boolean {
  return song !== null && ready_s === null && !song.instrument;
}

/** The song on the page: the one in the making, or else the one that plays. Its places never move. */
export function SongView() {
  const { phase, progress, sounding } = useStore(making);
  const { song, problem, ready_s } = useStore(player);
  const inWork = (phase === "asking" || phase === "working") && !sounding;
  const look = useMemo(
    () => (inWork || !song ? lookOfProgress(inWork ? progress : NOTHING) : lookOf(song)),
    [inWork, progress, song],
  );
  // A song's first sound has the processor to itself: notes and waveform are drawn when it is heard.
  const wait_ms = inWork ? HELD_BACK_MS : ready_s === null ? 0 : AFTER_SOUND_MS;
  const drawn = useLater(look, look.parts.length ? wait_ms : 0);
  const hexes = inWork ? progress.mood?.colours : song?.colours;
  const lightOf = inWork ? progress.title : (song?.title ?? "");
  useEffect(() => {
    if (!inWork || hexes) setLight(hexes, lightOf);
  }, [inWork, hexes, lightOf]);

  // Whoever pressed the button has the player under the finger next: space is pause.
  const wasInWork = useRef(inWork);
  useEffect(() => {
    const arrived = wasInWork.current && !inWork && song !== null;
    wasInWork.current = inWork;
    if (!arrived || !document.activeElement?.closest(".generate")) return;
    if (document.activeElement.closest(".beneath")) return; // on its way to Cancel
    const buttons = [...document.querySelectorAll<HTMLButtonElement>("button.play")];
    buttons.find((button) => button.offsetParent)?.focus({ preventScroll: true });
  }, [inWork, song]);

  return (
    <section className="song" aria-label={inWork ? "The song in the making" : "The song"}>
      <div className="name">
        <h2 data-made={look.title !== ""}>{look.title || "A song is coming"}</h2>
        <p>
          {look.words.map((word) => (
            <span key={word}>{word}</span>
          ))}
          {look.facts.map((fact) => (
            <span key={fact} className="fact">
              {fact}
            </span>
          ))}
        </p>
      </div>
      {!inWork && <Takes />}
      <Roll look={drawn} still={inWork} />
      <Sections look={look} still={inWork} again={!inWork && mayChange(song, ready_s)} />
      {inWork && <Told progress={progress} />}
      <Waveform look={drawn} still={inWork || !song} />
      <div className="under">
        {!inWork && song && (
          <>
            <div className="transport">
              <PlayButton />
              <Clock duration_s={song.duration_s} key={song.id} />
            </div>
            {ready_s === null && <Doors song={song} key={song.id} />}
            <Volume />
          </>
        )}
      </div>
      {!inWork && song?.rights && <p className="rights">{song.rights}</p>}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {!inWork && song && <StemsPanel look={look} />}
    </section>
  );
}
