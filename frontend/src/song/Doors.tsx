import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { enterStems, leaveStems, like, undoChange } from "../actions";
import { fileUrl, type SongDetail } from "../api/client";
import { Icon } from "../design/Icon";
import { useStore } from "../store";
import { ShapeDoor } from "./Shape";
import { linkTo } from "./shareLink";
import { door, fetchStems } from "./stemsDoor";

/** What one may do with a song besides hearing it. */
export function Doors({ song }: { song: SongDetail }) {
  const { open } = useStore(door);
  return (
    <div className="doors">
      <button
        type="button"
        className="quiet icon"
        aria-pressed={song.liked}
        aria-label="Like"
        onClick={() => void like(song)}
      >
        <Icon name="heart" filled={song.liked} />
      </button>
      <button
        type="button"
        className="quiet"
        aria-expanded={open}
        aria-controls="stems"
        onClick={() => (open ? leaveStems() : void enterStems())}
      >
        <Icon name="layers" />
        Stems
      </button>
      <ShapeDoor song={song} />
      {song.parent && (
        <button
          type="button"
          className="quiet"
          title={song.change?.join(", ")}
          onClick={() => void undoChange()}
        >
          <Icon name="undo" />
          <span className="label">Undo</span>
        </button>
      )}
      <Downloads song={song} />
      <Share song={song} />
    </div>
  );
}

const FILES = [
  ["song.wav", "WAV", "24 bit"],
  ["song.mp3", "MP3", "320 kbit/s"],
  ["song.mid", "MIDI", "as played"],
  ["song-grid.mid", "MIDI", "on the grid"],
  ["cover.png", "Cover", "PNG"],
  ["song.json", "song.json", "makes it again"],
] as const;

function Downloads({ song }: { song: SongDetail }) {
  const [zipping, setZipping] = useState(false);
  const { phase, doing } = useStore(door);

  async function zip(): Promise<void> {
    setZipping(true);
    const whole = song.stems.length ? song : await fetchStems(song, door.get().open);
    setZipping(false);
    if (!whole) return;
    const link = document.createElement("a");
    link.href = fileUrl(song.id, "stems.zip", true);
    link.download = "";
    link.click();
  }

  return (
    <Fold label={<span className="label">Download</span>} icon={<Icon name="down" />}>
      <ul className="sheet-list">
        {FILES.map(([name, label, hint]) => (
          <li key={name}>
            <a className="quiet" href={fileUrl(song.id, name, true)} download>
              {label} <small>{hint}</small>
            </a>
          </li>
        ))}
        <li>
          <button type="button" className="quiet" disabled={zipping} onClick={() => void zip()}>
            Stems <small>{zipping && phase === "making" ? `making ${doing}` : "FLAC, zip"}</small>
          </button>
        </li>
      </ul>
    </Fold>
  );
}

/** Names that mean whichever machine one sits at. */
const HERE = /^(localhost|127\..*|\[::1\])$/;

function Share({ song }: { song: SongDetail }) {
  const [state, setState] = useState<"" | "copied" | "refused">("");
  const link = linkTo(window.location.origin, song);

  async function share(): Promise<void> {
    const coarse = window.matchMedia("(pointer: coarse)").matches;
    if (navigator.share && coarse) {
      await navigator.share({ title: song.title, url: link }).catch(() => {});
      return;
    }
    try {
      await navigator.clipboard.writeText(link);
      setState("copied");
    } catch {
      setState("refused");
    }
  }

  return (
    <Fold
      label={<span className="label">Share</span>}
      icon={<Icon name="share" />}
      onOpen={() => void share()}
    >
      <div className="share">
        <p role="status">
          {state === "copied" ? "The link is copied. " : ""}
          It makes the same song, on the same version of halation
          {HERE.test(window.location.hostname) && ", on a computer where halation runs"}
          {song.instrument && `, played by ${song.instrument} where that is installed`}.
        </p>
        <input
          className="field"
          readOnly
          value={link}
          aria-label="Link to this song"
          onFocus={(event) => event.currentTarget.select()}
        />
      </div>
    </Fold>
  );
}

/** A button and the small sheet that it opens; Escape and a click elsewhere close it. */
export function Fold(props: {
  label: ReactNode;
  icon: ReactNode;
  children: ReactNode;
  onOpen?: () => void;
}) {
  const { label, icon, children, onOpen } = props;
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const leave = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      root.current?.querySelector("button")?.focus();
    };
    document.addEventListener("keydown", leave);
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("keydown", leave);
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open]);

  return (
    <div className="fold" ref={root}>
      <button
        type="button"
        className="quiet"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => {
          if (!open) onOpen?.();
          setOpen(!open);
        }}
      >
        {icon}
        {label}
      </button>
      <div className="sheet" id={id} hidden={!open}>
        {children}
      </div>
    </div>
  );
}
