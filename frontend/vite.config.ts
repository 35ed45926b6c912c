import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../halation/server/page",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the policy of content allows no data: fonts
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": "http://127.0.0.1:4747" } },
  test: { include: ["**/*.test.ts"], environment: "node" },
});
