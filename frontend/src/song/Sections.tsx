import { useEffect, useState } from "react";
import { throwAgain } from "../actions";
import { onTime, play, player, position, seek } from "../audio/player";
import { css, roleColour } from "../design/colour";
import { Icon } from "../design/Icon";
import { clock } from "../design/words";
import { type Look, sectionAt } from "./look";

interface Props {
  look: Look;
  still?: boolean;
  /** Whether a block can be thrown again. */
  again?: boolean;
}

/** The form, as blocks as wide as they are long; a click goes there. */
export function Sections({ look, still = false, again = false }: Props) {
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
        <div
          key={section.start_s}
          className="section"
          style={{
            left: `${(section.start_s / duration_s) * 100}%`,
            width: `${((section.end_s - section.start_s) / duration_s) * 100}%`,
            color: css(roleColour(section.role, colours)),
          }}
        >
          <button
            type="button"
            className="to"
            disabled={still}
            aria-current={!still && section.name === now ? "true" : undefined}
            aria-label={`${section.name}, from ${clock(section.start_s)}`}
            title={section.name}
            onClick={() => {
              seek(section.start_s);
              if (!player.get().playing) void play();
            }}
          >
            <span>{section.name}</span>
          </button>
          {again && (
            <button
              type="button"
              className="again"
              aria-label={`Throw ${section.name} again`}
              title={`Throw ${section.name} again`}
              onClick={() => throwAgain(section.name)}
            >
              <Icon name="again" />
            </button>
          )}
        </div>
      ))}
    </fieldset>
  );
}
