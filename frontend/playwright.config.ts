import { defineConfig, devices } from "@playwright/test";
import { findChromium } from "./e2e/chromium";

const launchOptions = {
  executablePath: findChromium(),
  args: [
    "--no-sandbox", // tests run as root in containers
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
  ],
};

export default defineConfig({
  testDir: "e2e",
  testMatch: process.env.RUN ? `${process.env.RUN}.ts` : "*.spec.ts",
  outputDir: "test-results",
  fullyParallel: false,
  workers: 1, // one song at a time keeps both cores busy
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: { launchOptions, trace: "off", screenshot: "only-on-failure" },
  projects: [
    {
      name: "desktop",
      use: { ...devices["Desktop Chrome"], viewport: { width: 1440, height: 900 }, launchOptions },
    },
    { name: "phone", use: { ...devices["Pixel 7"], launchOptions } },
  ],
});
