import { ask, client, getSong, type JobEvent, Refused } from "./client";
import { lost } from "./link";

const KINDS: readonly JobEvent["kind"][] = [
  "queued",
  "started",
  "mood",
  "form",
  "score",
  "effects",
  "sounding",
  "stem",
  "master",
  "progress",
  "note",
  "retry",
  "done",
  "failed",
  "cancelled",
];
const AGAIN_MS = 1_500;

export function isEnd(kind: JobEvent["kind"]): boolean {
  return kind === "done" || kind === "failed" || kind === "cancelled";
}

/**
 * Follows a job until it ends, through lost connections and a server that comes back.
 * A broken stream is resumed by the browser (Last-Event-ID); one that was refused is opened anew and
 * tells everything from the start, so a listener must take the same event twice.
 */
export function follow(jobId: string, listener: (event: JobEvent) => void): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let over = false;

  function stop(): void {
    over = true;
    window.clearTimeout(timer);
    source?.close();
  }

  function hear(message: MessageEvent<string>): void {
    if (over) return;
    const event = JSON.parse(message.data) as JobEvent;
    if (isEnd(event.kind)) stop();
    listener(event);
  }

  function open(): void {
    const opened = new EventSource(`/api/jobs/${jobId}/events`);
    source = opened;
    for (const kind of KINDS) opened.addEventListener(kind, hear);
    opened.onerror = () => {
      if (over) return;
      if (opened.readyState !== EventSource.CLOSED) {
        timer ||= window.setTimeout(check, AGAIN_MS);
        return;
      }
      window.clearTimeout(timer);
      timer = window.setTimeout(check, AGAIN_MS);
    };
    opened.onopen = () => {
      window.clearTimeout(timer);
      timer = 0;
    };
  }

  /** The stream is broken: is the job still there? */
  async function check(): Promise<void> {
    timer = 0;
    if (over || source?.readyState === EventSource.OPEN) return;
    try {
      await ask(client.GET("/api/jobs/{job_id}", { params: { path: { job_id: jobId } } }));
    } catch (error) {
      if (over) return;
      if (!(error instanceof Refused)) {
        lost();
        timer = window.setTimeout(check, AGAIN_MS);
        return;
      }
      if (error.status === 404) {
        await settle();
        return;
      }
    }
    if (over || source?.readyState === EventSource.OPEN) return;
    source?.close();
    open();
  }

  /** The server knows the job no more: its song may be there all the same. */
  async function settle(): Promise<void> {
    const song = await getSong(jobId).catch(() => null);
    if (over) return;
    stop();
    listener(
      song
        ? { kind: "done", song }
        : { kind: "failed", message: "The server has lost this song; try again." },
    );
  }

  open();
  return stop;
}
