import { player, position, seek, setMuted, toggle } from "./audio/player";

const STEP_S = 5;

/** Space, ← → and M act everywhere but where one types or uses a control of its own. */
export function listenToKeys(): void {
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.target as HTMLElement;
    if (target.closest("input, select, textarea, [contenteditable]") || !player.get().song) return;
    const onButton = target.closest("button, a, [role=slider]") !== null;
    switch (event.key) {
      case " ":
        if (onButton) return;
        toggle();
        break;
      case "ArrowLeft":
        seek(position() - STEP_S);
        break;
      case "ArrowRight":
        seek(position() + STEP_S);
        break;
      case "m":
      case "M":
        setMuted(!player.get().muted);
        break;
      default:
        return;
    }
    event.preventDefault();
  });
}
