import { useEffect, useRef, useState } from "react";
import { Icon } from "../design/Icon";
import { useStore } from "../store";
import { Card } from "./Card";
import { find, library, more, reload } from "./library";
import { Room } from "./Room";
import "./library.css";

const TYPING_MS = 200;

export function Library() {
  const { songs, total, next, search, liked, known, loading } = useStore(library);
  useEffect(() => void reload(), []);
  if (!known) return <section className="library" aria-busy="true" aria-label="Library" />;
  const filtered = search !== "" || liked;
  if (!total && !filtered) {
    return (
      <section className="library" aria-label="Library">
        <p className="none">Your songs will gather here.</p>
      </section>
    );
  }
  return (
    <section className="library" aria-labelledby="library-title">
      <header>
        <h2 id="library-title">Library</h2>
        <Search />
        <button
          type="button"
          className="quiet icon"
          aria-pressed={liked}
          aria-label="Only liked songs"
          onClick={() => find({ liked: !liked })}
        >
          <Icon name="heart" filled={liked} />
        </button>
        <Room />
      </header>
      <p className="unseen" role="status">
        {filtered ? `${total} ${total === 1 ? "song" : "songs"} found` : ""}
      </p>
      {!songs.length && !loading && <p className="none">No song fits.</p>}
      <ul className="cards">
        {songs.map((song) => (
          <Card key={song.id} song={song} />
        ))}
      </ul>
      {next && <More key={next} />}
    </section>
  );
}

function Search() {
  const [text, setText] = useState(library.get().search);
  const timer = useRef(0);
  return (
    <label className="search">
      <Icon name="search" />
      <span className="unseen">Search the library</span>
      <input
        type="search"
        className="field"
        placeholder="search"
        maxLength={200}
        value={text}
        onChange={(event) => {
          const { value } = event.currentTarget;
          setText(value);
          window.clearTimeout(timer.current);
          timer.current = window.setTimeout(() => find({ search: value.trim() }), TYPING_MS);
        }}
      />
    </label>
  );
}

/** The foot of the list: once it is near, the next songs are fetched. */
function More() {
  const ref = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const foot = ref.current;
    if (!foot) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void more(), {
      rootMargin: "600px",
    });
    observer.observe(foot);
    return () => observer.disconnect();
  }, []);
  return (
    <button type="button" className="quiet more" ref={ref} onClick={() => void more()}>
      More songs
    </button>
  );
}
