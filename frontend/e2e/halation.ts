import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect, type Page } from "@playwright/test";

export { expect };

/** A server that a test may stop and start again; its songs take half a minute to hear. */
export class Server {
  url = "";
  private process: ChildProcess | null = null;
  private readonly library = mkdtempSync(join(tmpdir(), "halation-e2e-"));
  private port = "0";

  async start(...options: string[]): Promise<void> {
    const command = process.env.HALATION ?? "../.venv/bin/halation";
    this.process = spawn(
      command,
      [
        "serve",
        "--no-browser",
        "--port",
        this.port,
        "--library",
        this.library,
        "--length",
        "30",
      ].concat(options),
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, HALATION_WEIGHTS: join(this.library, "weights") },
      },
    );
    const { stdout } = this.process;
    this.url = await new Promise<string>((resolve, reject) => {
      let said = "";
      this.process?.once("exit", () => reject(new Error(`halation serve has ended: ${said}`)));
      stdout?.on("data", (data) => {
        said += data;
        const found = /http:\/\/[^/]+:(\d+)\//.exec(said);
        if (!found) return;
        this.port = found[1] ?? "0";
        resolve(found[0]);
      });
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const { process } = this;
    if (!process || process.exitCode !== null) return;
    const ended = new Promise((resolve) => process.once("exit", resolve));
    process.kill(signal);
    await ended;
  }

  /** Stops, and removes everything. */
  async end(): Promise<void> {
    await this.stop();
    rmSync(this.library, { recursive: true, force: true });
  }

  /** Makes a song without the page. */
  async make(wish: object = {}): Promise<{ id: string; title: string; seed: number }> {
    const headers = { "content-type": "application/json" };
    const asked = await fetch(`${this.url}api/songs`, {
      method: "POST",
      headers,
      body: JSON.stringify(wish),
    });
    const { id } = (await asked.json()) as { id: string };
    await (await fetch(`${this.url}api/jobs/${id}/events`)).text(); // it ends when the song is done
    const song = await fetch(`${this.url}api/songs/${id}`);
    expect(song.status).toBe(200);
    return song.json() as Promise<{ id: string; title: string; seed: number }>;
  }

  /** Deletes every song. */
  async empty(): Promise<void> {
    const { songs } = (await (await fetch(`${this.url}api/songs?limit=100`)).json()) as {
      songs: { id: string }[];
    };
    for (const { id } of songs) await fetch(`${this.url}api/songs/${id}`, { method: "DELETE" });
  }
}

/** Keeps hold of the page's analyser, and counts decoded sound; the page knows nothing of it. */
export function eavesdrop(): void {
  const ears = {
    analysers: [] as AnalyserNode[],
    decoded: [] as WeakRef<AudioBuffer>[],
    shift: 0,
    gap_ms: 0,
    halts: [] as string[],
    played: null as HTMLMediaElement | null,
  };
  Object.assign(window, { ears });
  const Plain = window.AnalyserNode;
  window.AnalyserNode = class extends Plain {
    constructor(context: BaseAudioContext, options?: AnalyserOptions) {
      super(context, options);
      ears.analysers.push(this);
    }
  };
  const { decodeAudioData } = BaseAudioContext.prototype;
  BaseAudioContext.prototype.decodeAudioData = async function (this: BaseAudioContext, data) {
    const buffer = await decodeAudioData.call(this, data);
    ears.decoded.push(new WeakRef(buffer));
    return buffer;
  } as typeof decodeAudioData;
  const known = new WeakSet<HTMLMediaElement>();
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function (this: HTMLMediaElement) {
    if (!known.has(this)) {
      known.add(this);
      let sounds = false;
      const halt = ({ type }: Event) => {
        if (!sounds || this.seeking) return;
        const { buffered, currentTime } = this;
        const there_s = buffered.length ? buffered.end(buffered.length - 1) : 0;
        ears.halts.push(
          `${type} at ${currentTime.toFixed(1)} s, ${there_s.toFixed(1)} s were there`,
        );
      };
      for (const kind of ["waiting", "stalled", "error"]) this.addEventListener(kind, halt);
      this.addEventListener("playing", () => {
        sounds = this.src.includes("/api/");
        if (sounds) ears.played = this;
      });
      this.addEventListener("emptied", () => {
        sounds = false;
      });
    }
    return play.call(this);
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & {
      value: number;
      hadRecentInput: boolean;
    })[])
      if (!entry.hadRecentInput) ears.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}

interface Ears {
  analysers: AnalyserNode[];
  decoded: WeakRef<AudioBuffer>[];
  shift: number;
  gap_ms: number;
  /** Where a song has stopped though nobody asked for it. */
  halts: string[];
  /** What played a song last. */
  played: HTMLMediaElement | null;
}
declare global {
  interface Window {
    ears: Ears;
  }
}

/** How loud the page sounds now, 0…1, before the volume. */
export function loudness(page: Page): Promise<number> {
  return page.evaluate(() => {
    const [analyser] = window.ears.analysers;
    if (!analyser) return 0;
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  });
}

/** Waits until sound is heard. */
export async function hear(page: Page): Promise<void> {
  await expect.poll(() => loudness(page), { intervals: [50] }).toBeGreaterThan(0.002);
}

/** From now on notes every silence. */
export function listenForGaps(page: Page): Promise<void> {
  return page.evaluate(() => {
    const [analyser] = window.ears.analysers;
    if (!analyser) throw new Error("nothing is heard");
    const samples = new Float32Array(analyser.fftSize);
    let since = performance.now();
    window.setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      if (samples.some((x) => Math.abs(x) > 1e-4)) since = performance.now();
      else window.ears.gap_ms = Math.max(window.ears.gap_ms, performance.now() - since);
    }, 20);
  });
}

/** The longest silence since then, in milliseconds. */
export function longestGap(page: Page): Promise<number> {
  return page.evaluate(() => window.ears.gap_ms);
}

/** The seconds that the song's slider shows. */
export async function place(page: Page): Promise<number> {
  const slider = page.getByRole("slider", { name: "Place in the song" }).first();
  return Number(await slider.getAttribute("aria-valuenow"));
}

/** Waits until time goes on. */
export async function timeGoesOn(page: Page): Promise<void> {
  const from = await place(page);
  await expect.poll(() => place(page)).toBeGreaterThan(from + 0.4);
}

/** Waits until the song is done and everything of it is there. */
export async function done(page: Page): Promise<void> {
  await expect(page.getByRole("button", { name: "Download" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Generate song" })).toBeVisible();
}

/** Presses the button and waits until the song plays and is done. */
export async function generate(page: Page, text = ""): Promise<string> {
  if (text) await page.getByLabel("A mood in your own words, or nothing").fill(text);
  await page.getByRole("button", { name: "Generate song" }).click();
  await expect(page.getByRole("button", { name: "Pause", exact: true }).first()).toBeVisible();
  await hear(page);
  await done(page);
  const song = page.getByRole("region", { name: "The song", exact: true });
  return (await song.getByRole("heading").textContent()) ?? "";
}

/** What the browser itself notes where a test stops the server, refuses a request or a worker. */
const PROVOKED =
  /Failed to load resource: .*(net::ERR_|429)|fetching the script|registration blocked/;

export const test = base.extend<{ open: (path?: string) => Promise<Page> }, { server: Server }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of what is asked for
    async ({}, use) => {
      const server = new Server();
      await server.start();
      await use(server);
      await server.end();
    },
    { scope: "worker" },
  ],
  /** Opens the page; whatever goes wrong in it, or leaves this machine, fails the test. */
  open: async ({ page, server }, use) => {
    const wrong: string[] = [];
    page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
    page.on("console", (message) => {
      const provoked = PROVOKED.test(message.text());
      if (["error", "warning"].includes(message.type()) && !provoked)
        wrong.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      const { protocol, href } = new URL(request.url());
      const ours = href.startsWith(server.url) || ["data:", "blob:"].includes(protocol);
      if (!ours) wrong.push(`outside: ${href}`);
    });
    await page.addInitScript(eavesdrop);
    await use(async (path = "/") => {
      await page.goto(new URL(path, server.url).href);
      return page;
    });
    expect(wrong).toEqual([]);
  },
});
