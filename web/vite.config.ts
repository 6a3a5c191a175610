// How the dashboard is built, served while it is developed, and tested.
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { FONTS, fonts } from "./build/fonts.ts";
import { precompress } from "./build/precompress.ts";
import { fixture } from "./dev/plugin.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** Where the API is while developing; without it, `npm run dev` answers from invented data. */
const server = process.env.BATON_URL;

export default defineConfig({
  plugins: [fonts(), react(), tailwindcss(), precompress(), ...(server ? [] : [fixture()])],
  resolve: {
    alias: {
      "@fonts": FONTS,
      "@": here("./src"),
      // The original writes <style> elements, which the strict Content-Security-Policy refuses.
      "react-style-singleton": here("./src/lib/styleSingleton.ts"),
    },
  },
  // Wherever the server lies: it writes its own path into the page, and everything else is relative to that.
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What most pages share comes in one file: thirty small ones cost their headers, and compress worse.
        codeSplitting: { groups: [{ name: "shared", minShareCount: 5, test: (id: string) => !/uplot|xyflow|dagre|cronstrue|react-table|table-core|virtual|ui\/Table|src\/pages/.test(id) }] },
      },
    },
  },
  server: {
    proxy: server
      ? { "/api": { target: server, changeOrigin: true, headers: { origin: server } } }
      : undefined,
  },
  test: { environment: "node", include: ["src/**/*.test.ts", "build/**/*.test.ts"] },
});
