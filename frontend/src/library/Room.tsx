import { type FormEvent, useState } from "react";
import { size } from "../design/words";
import { Fold } from "../song/Doors";
import { useStore } from "../store";
import { library, setQuota } from "./library";

const LEAST_GB = 0.2;

/** How much room the songs take, and how much they may. */
export function Room() {
  const { about } = useStore(library);
  const [message, setMessage] = useState("");
  if (!about) return null;
  const { used_mb, quota_mb, liked_mb, free_mb, songs, notice, version } = about;

  async function save(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const gigabytes = Number(new FormData(event.currentTarget).get("quota"));
    try {
      await setQuota(Math.round(gigabytes * 1_000));
      setMessage("Saved.");
    } catch (error) {
      setMessage(error instanceof Error ? error.message : "");
    }
  }

  return (
    <Fold
      label={
        <span>
          <span className="unseen">Room: </span>
          {size(used_mb)} <span className="of">of {size(quota_mb)}</span>
        </span>
      }
      icon={<Gauge share={used_mb / quota_mb} />}
    >
      <form className="room" onSubmit={(event) => void save(event)}>
        {notice && <p className="notice">{notice}</p>}
        <p>
          {songs} {songs === 1 ? "song" : "songs"}, {size(used_mb)}; {size(liked_mb)} of it liked.{" "}
          {size(free_mb)} are free on the disk.
        </p>
        <label>
          Room for songs
          <span>
            <input
              key={quota_mb}
              className="field"
              name="quota"
              type="number"
              min={LEAST_GB}
              max={10_000}
              step={0.1}
              defaultValue={quota_mb / 1_000}
              required
            />{" "}
            GB
          </span>
        </label>
        <p className="hint">
          Where there is no more, the oldest songs that are not liked make way.
        </p>
        <button type="submit" className="quiet">
          Save
        </button>
        <p role="status">{message}</p>
        <p className="hint">halation {version}</p>
      </form>
    </Fold>
  );
}

function Gauge({ share }: { share: number }) {
  const length = Math.min(1, share) * 50.3;
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="2">
      <circle cx="12" cy="12" r="8" opacity="0.3" />
      <circle
        cx="12"
        cy="12"
        r="8"
        strokeDasharray={`${length} 60`}
        transform="rotate(-90 12 12)"
        strokeLinecap="round"
      />
    </svg>
  );
}
