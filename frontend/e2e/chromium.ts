import { spawnSync } from "node:child_process";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PLACES = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

/** Finds a Chromium, or installs Debian's where that may be done; CHROMIUM names another one. */
export function findChromium(): string {
  const found = look();
  if (found) return found;
  const root = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  for (const words of [["update"], ["install", "-y", "--no-install-recommends", "chromium"]]) {
    const [command = "", ...rest] = [...root, "apt-get", "-q", ...words];
    spawnSync(command, rest, {
      stdio: "inherit",
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  }
  const installed = look();
  if (installed) return installed;
  throw new Error(
    "The page's tests need a Chromium: install one (on Debian: apt install chromium), " +
      "or name it: CHROMIUM=/path/to/chromium make test",
  );
}

function look(): string | null {
  for (const name of [process.env.CHROMIUM ?? "", ...NAMES, ...PLACES].filter(Boolean)) {
    const path = spawnSync("which", [name], { encoding: "utf8" }).stdout?.trim() || name;
    if (spawnSync(path, ["--version"]).status === 0) return path;
  }
  return null;
}
