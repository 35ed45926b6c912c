import { type About, ask, type Change, client, type Song } from "../api/client";
import { link } from "../api/link";
import { refresh } from "../audio/player";
import { createStore } from "../store";

interface Library {
  songs: readonly Song[];
  total: number;
  next: string | null;
  search: string;
  liked: boolean;
  loading: boolean;
  /** It has been read at least once. */
  known: boolean;
  about: About | null;
  notice: string;
  /** The song deleted last, which may come back. */
  deleted: Song | null;
}

export const library = createStore<Library>({
  songs: [],
  total: 0,
  next: null,
  search: "",
  liked: false,
  loading: false,
  known: false,
  about: null,
  notice: "",
  deleted: null,
});

const UNDO_MS = 12_000;
let turn = 0;
let toast = 0;

/** Reads the library from its newest song on, and how the server stands. */
export async function reload(): Promise<void> {
  const { search, liked } = library.get();
  const mine = ++turn;
  library.set({ loading: true });
  try {
    const query = { search, liked };
    const [{ songs, total, next }, about] = await Promise.all([
      ask(client.GET("/api/songs", { params: { query } })),
      ask(client.GET("/api/about")),
    ]);
    if (mine === turn) library.set({ songs, total, next, about, known: true });
  } catch {
    // The page says already that the server is gone.
  } finally {
    if (mine === turn) library.set({ loading: false });
  }
}

export async function more(): Promise<void> {
  const { next, loading, search, liked, songs } = library.get();
  if (!next || loading) return;
  const mine = ++turn;
  library.set({ loading: true });
  try {
    const query = { search, liked, after: next };
    const page = await ask(client.GET("/api/songs", { params: { query } }));
    if (mine !== turn) return;
    const known = new Set(songs.map((song) => song.id));
    const fresh = page.songs.filter((song) => !known.has(song.id));
    library.set({ songs: [...songs, ...fresh], next: page.next, total: page.total });
  } catch {
    // As above.
  } finally {
    if (mine === turn) library.set({ loading: false });
  }
}

export function find(change: { search?: string; liked?: boolean }): void {
  library.set(change);
  void reload();
}

/** Likes or renames; the page shows it at once, and takes it back if the server refuses. */
export async function change(song: Song, wish: Change): Promise<void> {
  const wanted = Object.fromEntries(Object.entries(wish).filter(([, value]) => value != null));
  put({ ...song, ...wanted });
  const params = { path: { song_id: song.id } };
  try {
    put(await ask(client.PATCH("/api/songs/{song_id}", { params, body: wish })));
  } catch (error) {
    put(song);
    say(error instanceof Error ? error.message : "");
  }
}

function put(song: Song): void {
  refresh(song);
  const { songs } = library.get();
  library.set({ songs: songs.map((one) => (one.id === song.id ? song : one)) });
}

export async function remove(song: Song): Promise<void> {
  const { songs, total } = library.get();
  library.set({ songs: songs.filter((one) => one.id !== song.id), total: total - 1 });
  const params = { path: { song_id: song.id } };
  try {
    await ask(client.DELETE("/api/songs/{song_id}", { params }));
    say(`“${song.title}” is deleted.`, song);
  } catch (error) {
    library.set({ songs, total });
    say(error instanceof Error ? error.message : "");
  }
}

export async function undo(): Promise<void> {
  const song = library.get().deleted;
  if (!song) return;
  const params = { path: { song_id: song.id } };
  try {
    await ask(client.POST("/api/songs/{song_id}/restore", { params }));
    say(`“${song.title}” is back.`);
    await reload();
  } catch (error) {
    say(error instanceof Error ? error.message : "");
  }
}

/** Shows a line for a while. */
export function say(notice: string, deleted: Song | null = null): void {
  window.clearTimeout(toast);
  library.set({ notice, deleted });
  if (notice) toast = window.setTimeout(hush, UNDO_MS);
}

export function hush(): void {
  window.clearTimeout(toast);
  library.set({ notice: "", deleted: null });
}

/** While somebody reads or reaches for the line, it stays. */
export function hold(): void {
  window.clearTimeout(toast);
}

export async function setQuota(quota_mb: number): Promise<void> {
  await ask(client.PUT("/api/settings", { body: { quota_mb } }));
  await reload();
}

link.watch(() => {
  if (link.get().online) void reload();
});
