import type { ReactNode } from "react";
import type { Instrument } from "../api/client";
import { Icon } from "../design/Icon";
import { spoken } from "../design/words";
import { library } from "../library/library";
import { useStore } from "../store";
import { Fold } from "./Doors";
import { choose, chosen, instrumentOf } from "./instruments";

/** Who plays the next songs; nothing is seen of it where only halation can. */
export function PlayedBy() {
  const { about } = useStore(library);
  const { name } = useStore(chosen);
  if (!about?.instruments.length) return null;
  const now = instrumentOf(about, name);
  return (
    <Fold
      icon={<Icon name="wave" />}
      label={
        <span className="player-name">
          <span className={now ? "by" : ""}>Played by </span>
          {now?.name ?? "halation"}
          {now && !now.commercial && <span className="of">, not for sale</span>}
        </span>
      }
    >
      <fieldset className="players">
        <legend className="unseen">Played by</legend>
        <Choice name="halation" value="" licence="" checked={!now}>
          Its own players: seconds a song, and the songs are yours.
        </Choice>
        {about.instruments.map((one) => (
          <Choice
            key={one.name}
            name={one.name}
            value={one.name}
            licence={one.licence}
            checked={one === now}
          >
            {one.note}
            {usual(one)}
          </Choice>
        ))}
      </fieldset>
    </Fold>
  );
}

function usual({ usual_s }: Instrument): string {
  return usual_s ? ` The last songs took ${spoken(usual_s)}.` : "";
}

interface ChoiceProps {
  name: string;
  value: string;
  licence: string;
  checked: boolean;
  children: ReactNode;
}

function Choice({ name, value, licence, checked, children }: ChoiceProps) {
  return (
    <label>
      <input
        type="radio"
        name="instrument"
        value={value}
        checked={checked}
        onChange={() => choose(value)}
      />
      <span>
        {name} {licence && <small className="licence">{licence}</small>}
        <small>{children}</small>
      </span>
    </label>
  );
}
