const PATHS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8 5.5v13M16 5.5v13",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  heart: "M12 19.5S4.5 15 4.5 9.6A4 4 0 0 1 12 7.6a4 4 0 0 1 7.5 2C19.5 15 12 19.5 12 19.5z",
  pen: "M5 19l.8-3.6L16 5.2a1.6 1.6 0 0 1 2.3 0l.5.5a1.6 1.6 0 0 1 0 2.3L8.6 18.2z",
  bin: "M5.5 7.5h13M10 7V5h4v2M7.5 7.5l.8 11.5h7.4l.8-11.5M10.5 11v5M13.5 11v5",
  down: "M12 4.5v10.5M7.5 11l4.5 4.5 4.5-4.5M5.5 19.5h13",
  share: "M12 15V4.5M8 8l4-4 4 4M6.5 12v7.5h11V12",
  layers: "M12 4.5l8 4-8 4-8-4zM4 12.5l8 4 8-4M4 16l8 4 8-4",
  radio:
    "M12 12h.01M8.5 15.5a5 5 0 0 1 0-7M15.5 8.5a5 5 0 0 1 0 7M5.7 18.3a9 9 0 0 1 0-12.6M18.3 5.7a9 9 0 0 1 0 12.6",
  wave: "M4 12h2l2-5 3 11 3-13 2.5 10 1.5-3h2",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  again: "M18.5 9.5A7 7 0 1 0 19 13M18.5 5v4.5H14",
  undo: "M8.5 8.5H15a4.5 4.5 0 0 1 0 9H9M12 5L8.5 8.5l3.5 3.5",
  shape:
    "M4.5 7h9M18 7h1.5M4.5 12h2M11 12h8.5M4.5 17h8M17 17h2.5M15.7 4.9v4.2M8.8 9.9v4.2M14.8 14.9v4.2",
  search: "M10.5 16.5a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM15 15l4.5 4.5",
} as const;

export function Icon({ name, filled = false }: { name: keyof typeof PATHS; filled?: boolean }) {
  return (
    <svg
      viewBox="0 0 24 24"
      aria-hidden="true"
      fill={filled ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
