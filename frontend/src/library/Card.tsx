import { useRef, useState } from "react";
import { like, playSong, remove } from "../actions";
import { fileUrl, type Song } from "../api/client";
import { player, toggle } from "../audio/player";
import { Icon } from "../design/Icon";
import { clock, spoken } from "../design/words";
import { useStore } from "../store";
import { change } from "./library";

export function Card({ song }: { song: Song }) {
  const { song: current, playing } = useStore(player);
  const [naming, setNaming] = useState(false);
  const pen = useRef<HTMLButtonElement>(null);
  const isCurrent = current?.id === song.id;
  const sounds = isCurrent && playing;
  const { title, damaged } = song;

  function named(byKey: boolean): void {
    setNaming(false);
    if (byKey) pen.current?.focus();
  }

  return (
    <li className="card" data-current={isCurrent} data-damaged={damaged !== ""}>
      <button
        type="button"
        className="cover"
        disabled={damaged !== ""}
        aria-label={`${sounds ? "Pause" : "Play"} ${title}, ${spoken(song.duration_s)}`}
        onClick={() => (isCurrent ? toggle() : void playSong(song))}
      >
        {damaged ? (
          <span className="damage" aria-hidden="true" />
        ) : (
          <img
            src={fileUrl(song.id, "cover-small.jpg")}
            alt=""
            width={320}
            height={320}
            loading="lazy"
            decoding="async"
          />
        )}
        <span className="cover-icon" aria-hidden="true">
          <Icon name={sounds ? "pause" : "play"} filled={!sounds} />
        </span>
      </button>
      {naming ? <Name song={song} done={named} /> : <h3 title={title}>{title}</h3>}
      {damaged ? (
        <p className="damaged">{damaged}</p>
      ) : (
        <p className="facts">
          <span className="words">{factsOf(song)}</span>
          <span className="length">{clock(song.duration_s)}</span>
        </p>
      )}
      <div className="card-doors">
        <button
          type="button"
          className="quiet icon"
          aria-pressed={song.liked}
          aria-label={`Like ${title}`}
          onClick={() => void like(song)}
        >
          <Icon name="heart" filled={song.liked} />
        </button>
        <button
          type="button"
          className="quiet icon"
          ref={pen}
          aria-label={`Rename ${title}`}
          disabled={damaged !== ""}
          onClick={() => setNaming(true)}
        >
          <Icon name="pen" />
        </button>
        <button
          type="button"
          className="quiet icon"
          aria-label={`Delete ${title}`}
          onClick={() => void remove(song)}
        >
          <Icon name="bin" />
        </button>
      </div>
    </li>
  );
}

function factsOf({ words, commercial }: Song): string {
  return commercial ? words.slice(0, 3).join(", ") : [words[0], "not for sale"].join(", ");
}

function Name({ song, done }: { song: Song; done: (byKey: boolean) => void }) {
  const [title, setTitle] = useState(song.title);

  function save(byKey: boolean): void {
    const name = title.trim();
    if (name && name !== song.title) void change(song, { title: name });
    done(byKey);
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save(true);
      }}
    >
      <input
        className="field"
        aria-label={`New name of ${song.title}`}
        value={title}
        maxLength={120}
        ref={(field) => field?.focus()}
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => setTitle(event.currentTarget.value)}
        onBlur={() => save(false)}
        onKeyDown={(event) => {
          if (event.key === "Escape") done(true);
        }}
      />
    </form>
  );
}
