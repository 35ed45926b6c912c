import { useEffect, useState } from "react";
import { onTime, play, player, position, seek } from "../audio/player";
import { css, roleColour } from "../design/colour";
import { clock } from "../design/words";
import { type Look, sectionAt } from "./look";

/** The form, as blocks as wide as they are long; a click goes there. */
export function Sections({ look, still = false }: { look: Look; still?: boolean }) {
  const { sections, duration_s, colours } = look;
  const [now, setNow] = useState("");
  useEffect(() => {
    if (still) return;
    const see = () => setNow(sectionAt(sections, position())?.name ?? "");
    see();
    return onTime(see);
  }, [sections, still]);

  return (
    <fieldset className="sections">
      <legend className="unseen">Sections</legend>
      {sections.map((section) => (
        <button
          key={section.start_s}
          type="button"
          disabled={still}
          aria-current={!still && section.name === now ? "true" : undefined}
          aria-label={`${section.name}, from ${clock(section.start_s)}`}
          title={section.name}
          style={{
            left: `${(section.start_s / duration_s) * 100}%`,
            width: `${((section.end_s - section.start_s) / duration_s) * 100}%`,
            color: css(roleColour(section.role, colours)),
          }}
          onClick={() => {
            seek(section.start_s);
            if (!player.get().playing) void play();
          }}
        >
          <span>{section.name}</span>
        </button>
      ))}
    </fieldset>
  );
}
