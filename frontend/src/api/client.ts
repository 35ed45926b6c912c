import createClient from "openapi-fetch";
import { lost } from "./link";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type About = Schemas["About"];
export type Change = Schemas["Change"];
export type Instrument = Schemas["Instrument"];
export type Job = Schemas["Job"];
export type JobEvent = Schemas["Event"];
export type MoodView = Schemas["MoodView"];
export type PartView = Schemas["PartView"];
export type SectionView = Schemas["SectionView"];
export type Song = Schemas["Song"];
export type SongDetail = Schemas["SongDetail"];
export type Stem =
  paths["/api/songs/{song_id}/stems/{stem}/piece"]["get"]["parameters"]["path"]["stem"];
export type Wish = Partial<Schemas["Wish"]>;
export type Shape = Partial<Schemas["Shape"]>;

export const client = createClient<paths>({ fetch: (request) => fetch(request) });

/** The server does not answer. */
export class Offline extends Error {}

/** The server has answered, and says why not. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly retryAfterS: number,
  ) {
    super(message);
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Awaits one of the client's calls; what goes wrong is thrown as `Offline` or `Refused`. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    lost();
    throw new Offline("halation’s server is not running");
  }
  const { data, error, response } = answer;
  if (response.ok) return data as T;
  const detail = (error as { detail?: unknown } | undefined)?.detail;
  throw new Refused(
    typeof detail === "string" ? detail : `the server answered ${response.status}`,
    response.status,
    Number(response.headers.get("Retry-After")) || 0,
  );
}

/** The address of one of a song's files. */
export function fileUrl(songId: string, name: string, download = false): string {
  return `/api/songs/${songId}/files/${name}${download ? "?download=1" : ""}`;
}

export function getSong(id: string): Promise<SongDetail> {
  const call = client.GET("/api/songs/{song_id}", { params: { path: { song_id: id } } });
  return ask(call as Promise<Answer<SongDetail>>); // the client takes a note for a list of any length
}

export function askSong(wish: Wish): Promise<Job> {
  return ask(client.POST("/api/songs", { body: wish as never }));
}

/** Asks for a song in which some of another one is thrown again. */
export function askAgain(id: string, what: string): Promise<Job> {
  const params = { path: { song_id: id } };
  return ask(client.POST("/api/songs/{song_id}/again", { params, body: { what: [what] } }));
}

/** Asks for a song that is another one in a new shape. */
export function askShape(id: string, shape: Shape): Promise<Job> {
  const params = { path: { song_id: id } };
  return ask(client.POST("/api/songs/{song_id}/shape", { params, body: shape as never }));
}

/** Asks for a song with the notes of a MIDI file. */
export function askMidi(id: string, file: File): Promise<Job> {
  const headers = { "Content-Type": "application/octet-stream" };
  const call = client.POST("/api/songs/{song_id}/midi", {
    params: { path: { song_id: id } },
    body: file as never,
    bodySerializer: (body: unknown) => body as File,
    headers,
  });
  return ask(call);
}

/** Cancels a job that nobody waits for; whether it had ended already does not matter. */
export async function withdraw(id: string): Promise<void> {
  const path = { job_id: id };
  await ask(client.DELETE("/api/jobs/{job_id}", { params: { path } })).catch(() => {});
}
