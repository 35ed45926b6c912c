import { useEffect, useMemo, useState } from "react";
import { fileUrl } from "../api/client";
import { player } from "../audio/player";
import { useStore } from "../store";
import { lookOf } from "./look";
import { making } from "./maker";
import { Clock, MuteButton, PlayButton } from "./Transport";
import { Waveform } from "./Waveform";

/** The player at the foot of the page: on small screens always, on large ones once the song is out of sight. */
export function Bar() {
  const { song, ready_s } = useStore(player);
  const { phase, sounding } = useStore(making);
  const look = useMemo(() => (song ? lookOf(song) : null), [song]);
  const [away, setAway] = useState(false);
  const inWork = (phase === "asking" || phase === "working") && !sounding;

  useEffect(() => {
    const transport = document.querySelector(".under");
    if (!transport || !song) return;
    const observer = new IntersectionObserver(([entry]) => {
      setAway(!!entry && !entry.isIntersecting && entry.boundingClientRect.top < 0);
    });
    observer.observe(transport);
    return () => observer.disconnect();
  }, [song]);

  if (!song || !look || inWork) return null;
  return (
    <aside className="bar" data-away={away} aria-label="Player">
      <Waveform look={look} compact />
      <div className="bar-row">
        <PlayButton />
        {ready_s === null && (
          <img src={fileUrl(song.id, "cover-small.jpg")} alt="" width={40} height={40} />
        )}
        <span className="bar-title">{song.title}</span>
        <Clock duration_s={song.duration_s} key={song.id} />
        <MuteButton />
      </div>
    </aside>
  );
}
