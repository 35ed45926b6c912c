import { createRoot } from "react-dom/client";
import { App } from "./App";
import { forgetSong, recallSong } from "./audio/player";
import { listenToKeys } from "./keys";
import { readLink } from "./song/shareLink";
import "./design/tokens.css";
import "./design/base.css";
import "./page.css";

createRoot(document.getElementById("root") as HTMLElement).render(<App />);
listenToKeys();
if (readLink(window.location.search))
  forgetSong(); // somebody else's song is asked for
else void recallSong();

if (window.isSecureContext && "serviceWorker" in navigator && import.meta.env.PROD) {
  window.addEventListener(
    "load",
    () => void navigator.serviceWorker.register("/sw.js").catch(() => {}),
  );
}
