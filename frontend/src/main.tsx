import { createRoot } from "react-dom/client";
import { App } from "./App";
import { recallSong } from "./audio/player";
import { listenToKeys } from "./keys";
import "./design/tokens.css";
import "./design/base.css";
import "./page.css";

createRoot(document.getElementById("root") as HTMLElement).render(<App />);
listenToKeys();
void recallSong();

if (window.isSecureContext && "serviceWorker" in navigator && import.meta.env.PROD) {
  window.addEventListener(
    "load",
    () => void navigator.serviceWorker.register("/sw.js").catch(() => {}),
  );
}
