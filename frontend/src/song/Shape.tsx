import { type FormEvent, type ReactNode, useState } from "react";
import { shape, takeNotes, throwAgain } from "../actions";
import type { Shape, SongDetail } from "../api/client";
import { Icon } from "../design/Icon";
import { clock, stemLabel } from "../design/words";
import { Fold } from "./Doors";
import { AXES, changeOf, MODES, pitchOf, shapeOf, TONICS } from "./shapes";

/** The quiet door to a song in another shape: each change is a new song. */
export function ShapeDoor({ song }: { song: SongDetail }) {
  return (
    <Fold label="Shape" icon={<Icon name="shape" />}>
      <Sliders song={song} />
      <Throws song={song} />
    </Fold>
  );
}

function Sliders({ song }: { song: SongDetail }) {
  const [wish, setWish] = useState(() => shapeOf(song));
  const change: Shape = changeOf(song, wish);
  const put = (part: Partial<typeof wish>) => setWish({ ...wish, ...part });

  function submit(event: FormEvent): void {
    event.preventDefault();
    shape(change);
  }

  return (
    <form className="shape" onSubmit={submit}>
      <Slider
        {...{ label: "Tempo", min: 60, max: 200, step: 1, value: wish.tempo_bpm }}
        shown={`${wish.tempo_bpm} bpm`}
        onChange={(tempo_bpm) => put({ tempo_bpm })}
      />
      <Slider
        {...{ label: "Length", min: 30, max: 600, step: 5, value: wish.length_s }}
        shown={clock(wish.length_s)}
        onChange={(length_s) => put({ length_s })}
      />
      {AXES.map(([axis, low, high]) => (
        <Slider
          key={axis}
          {...{ label: `${low} – ${high}`, min: -1, max: 1, step: 0.05, value: wish.mood[axis] }}
          onChange={(value) => put({ mood: { ...wish.mood, [axis]: value } })}
        />
      ))}
      <div className="shape-key">
        <Choice
          label="Tonic"
          value={wish.tonic}
          options={TONICS}
          onChange={(tonic) => put({ tonic })}
        />
        <Choice label="Mode" value={wish.mode} options={MODES} onChange={(mode) => put({ mode })} />
        <label>
          <input
            type="checkbox"
            checked={wish.instrumental}
            onChange={(event) => put({ instrumental: event.currentTarget.checked })}
          />
          Instrumental
        </label>
      </div>
      <button type="submit" className="quiet go" disabled={!Object.keys(change).length}>
        Make it so
      </button>
    </form>
  );
}

interface SliderProps {
  label: string;
  min: number;
  max: number;
  step: number;
  value: number;
  shown?: string;
  onChange: (value: number) => void;
}

function Slider({ label, shown, onChange, ...range }: SliderProps) {
  return (
    <label className="slider">
      <span>
        {label} <small>{shown}</small>
      </span>
      <input
        type="range"
        {...range}
        aria-valuetext={shown}
        onChange={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly string[];
  onChange: (value: string) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <label>
      <span className="unseen">{label}</span>
      <select
        className="field"
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option} value={option}>
            {pitchOf(option)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** All that can be thrown again: on a small screen the blocks of the form have no room for it. */
function Throws({ song }: { song: SongDetail }) {
  const stems = [...new Set(song.parts.map((part) => part.stem))];
  if (song.instrument) return null; // a model plays it all as one
  return (
    <fieldset className="throws">
      <legend>Throw again</legend>
      <Throw what="motif">motif</Throw>
      {song.sections.map(({ name }) => (
        <Throw key={name} what={name}>
          {name}
        </Throw>
      ))}
      {stems.map((stem) => (
        <Throw key={stem} what={stem}>
          {stemLabel(stem)}
        </Throw>
      ))}
      <label className="quiet">
        <input
          type="file"
          className="unseen"
          accept=".mid,.midi,audio/midi"
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            event.currentTarget.value = "";
            if (file) takeNotes(file);
          }}
        />
        Notes from a MIDI file
      </label>
    </fieldset>
  );
}

function Throw({ what, children }: { what: string; children: ReactNode }) {
  return (
    <button
      type="button"
      className="quiet"
      aria-label={`Throw ${what} again`}
      onClick={() => throwAgain(what)}
    >
      {children}
    </button>
  );
}
