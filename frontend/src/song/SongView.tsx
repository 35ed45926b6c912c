import { useEffect, useMemo, useRef } from "react";
import { player } from "../audio/player";
import { setLight } from "../scene/light";
import { useStore } from "../store";
import { Coming, Told } from "./Coming";
import { Doors } from "./Doors";
import { lookOf, lookOfProgress } from "./look";
import { making } from "./maker";
import { NOTHING } from "./progress";
import { Roll } from "./Roll";
import { Sections } from "./Sections";
import { StemsPanel } from "./StemsPanel";
import { Clock, PlayButton, Volume } from "./Transport";
import { Waveform } from "./Waveform";
import "./song.css";

/** The song on the page: the one in the making, or else the one that plays. Its places never move. */
export function SongView() {
  const { phase, progress } = useStore(making);
  const { song, problem } = useStore(player);
  const inWork = phase === "asking" || phase === "working";
  const look = useMemo(
    () => (inWork || !song ? lookOfProgress(inWork ? progress : NOTHING) : lookOf(song)),
    [inWork, progress, song],
  );
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
      <Roll look={look} still={inWork} />
      <Sections look={look} still={inWork} />
      {inWork && <Told progress={progress} />}
      <Waveform look={look} still={inWork || !song} />
      <div className="under">
        {inWork && <Coming progress={progress} colours={look.colours} />}
        {!inWork && song && (
          <>
            <div className="transport">
              <PlayButton />
              <Clock duration_s={song.duration_s} key={song.id} />
            </div>
            <Doors song={song} key={song.id} />
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
