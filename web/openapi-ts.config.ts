// Generates the wire types from the server's OpenAPI snapshot: `npm run api`.
import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig({
  input: "../crates/baton-server/openapi.json",
  output: { path: "src/api/generated" },
  plugins: [{ name: "@hey-api/typescript" }],
});
