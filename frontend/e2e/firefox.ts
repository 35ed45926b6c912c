import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMES = [process.env.FIREFOX ?? "", "firefox", "firefox-esr"];
const PATIENCE_MS = 30_000;

/** The Firefox of this machine, null where there is none; FIREFOX names another one. */
export function findFirefox(): string | null {
  const works = (name: string) => name && spawnSync(name, ["--version"]).status === 0;
  return NAMES.find(works) ?? null;
}

/** A Firefox without a window, driven by Marionette, its own wire: Playwright brings another browser. */
export class Firefox {
  private readonly profile = mkdtempSync(join(tmpdir(), "halation-firefox-"));
  private process: ChildProcess | null = null;
  private socket: Socket | null = null;
  private readonly waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (reason: Error) => void }
  >();
  private count = 0;

  async start(path: string): Promise<void> {
    writeFileSync(
      join(this.profile, "user.js"),
      'user_pref("marionette.port", 0);user_pref("datareporting.policy.dataSubmissionEnabled", false);',
    );
    const options = ["--headless", "--marionette", "--no-remote", "--profile", this.profile];
    this.process = spawn(path, options, { stdio: "ignore" });
    const port = await this.port();
    const socket = connect(port, "127.0.0.1");
    this.socket = socket;
    let said = Buffer.alloc(0);
    socket.on("data", (data) => {
      said = Buffer.concat([said, data]);
      for (;;) {
        const colon = said.indexOf(":");
        const end = colon + 1 + Number(said.toString("latin1", 0, Math.max(0, colon)));
        if (colon < 0 || said.length < end) return;
        this.hear(JSON.parse(said.toString("utf8", colon + 1, end)));
        said = said.subarray(end);
      }
    });
    await new Promise((resolve) => socket.once("connect", resolve));
    await this.ask("WebDriver:NewSession", {});
  }

  async open(url: string): Promise<void> {
    await this.ask("WebDriver:Navigate", { url });
  }

  /** Clicks as a listener does, which is what lets sound begin. */
  async click(selector: string): Promise<void> {
    const found = await this.ask("WebDriver:FindElement", {
      using: "css selector",
      value: selector,
    });
    const [id] = Object.values((found as { value: Record<string, string> }).value);
    await this.ask("WebDriver:ElementClick", { id });
  }

  /** Runs a script's body in the page, and returns what it returns. */
  async run<T>(script: string): Promise<T> {
    const answer = await this.ask("WebDriver:ExecuteScript", { script, args: [], sandbox: null });
    return (answer as { value: T }).value;
  }

  async end(): Promise<void> {
    this.socket?.destroy();
    const { process } = this;
    if (process && process.exitCode === null) {
      const ended = new Promise((resolve) => process.once("exit", resolve));
      process.kill();
      await ended;
    }
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 3 });
  }

  private ask(command: string, fields: object): Promise<unknown> {
    const id = ++this.count;
    const message = JSON.stringify([0, id, command, fields]);
    this.socket?.write(`${Buffer.byteLength(message)}:${message}`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  private hear(message: unknown): void {
    if (!Array.isArray(message)) return; // its greeting
    const [, id, error, value] = message as [number, number, { message: string } | null, unknown];
    const asked = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) asked?.reject(new Error(`Firefox: ${error.message}`));
    else asked?.resolve(value);
  }

  /** It writes into its profile which port it took. */
  private async port(): Promise<number> {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      try {
        const port = Number(readFileSync(join(this.profile, "MarionetteActivePort"), "utf8"));
        if (port) return port;
      } catch {
        // Not yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("Firefox does not start");
  }
}
