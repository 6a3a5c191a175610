// Starts the dashboard: styles, caches, router.
import "./styles/fonts.css";
import "./styles/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { moved } from "./lib/base";
import { App } from "./shell/App";

// Who comes past the proxy, straight to the server, is led below its path.
const below = moved(location.pathname);
if (below) location.replace(below + location.search + location.hash);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
