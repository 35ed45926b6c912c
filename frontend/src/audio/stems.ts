import type { SongDetail } from "../api/client";
import { lost } from "../api/link";
import { createStore } from "../store";
import type { Graph } from "./graph";
import {
  type Anchor,
  anchorAt,
  frameAt,
  frameNow,
  isHeard,
  PIECE_S,
  pieceAt,
  pieceCount,
  startOf,
  wanted,
} from "./pieces";

const LEAD_S = 0.08;
const TICK_MS = 200;
const AGAIN_MS = 1_500;
const RAMP_S = 0.02;
/** A limiter for what mutes and solos add up to; browsers add a gain of their own, which is taken back. */
const LIMIT = { threshold: -3, knee: 0, ratio: 20, attack: 0.002, release: 0.12 };
const MAKEUP_DB = 0.6 * (-LIMIT.threshold + LIMIT.threshold / LIMIT.ratio);

/** A stretch of all stems at once, so that they cannot drift apart. */
interface Piece {
  buffers: Map<string, AudioBuffer>;
  sources: AudioBufferSourceNode[];
  abort: AbortController;
}

const toGain = (db: number) => 10 ** (db / 20);

/** Plays a song's stems in step: a few seconds of each are fetched, decoded, played and forgotten. */
export class StemsTransport {
  readonly mix = createStore({
    muted: new Set<string>(),
    solo: new Set<string>(),
    waiting: true,
    /** Of decoded sound that is held. */
    megabytes: 0,
  });
  readonly names: readonly string[];
  private readonly frames: number;
  private readonly gains = new Map<string, GainNode>();
  private readonly meters = new Map<string, AnalyserNode>();
  private readonly bus: GainNode;
  private readonly limiter: DynamicsCompressorNode;
  private readonly after: GainNode;
  private readonly pieces = new Map<number, Piece>();
  private anchor: Anchor | null = null;
  private frame = 0;
  private running = false;
  private timer = 0;
  private closed = false;

  constructor(
    private readonly graph: Graph,
    private readonly song: SongDetail,
    private readonly tell: (what: "time" | "ended" | "lost") => void,
  ) {
    const { context } = graph;
    this.names = song.stems;
    this.frames = frameAt(song.duration_s);
    this.bus = new GainNode(context, { gain: toGain(song.stems_gain_db) });
    this.limiter = new DynamicsCompressorNode(context, LIMIT);
    this.after = new GainNode(context, { gain: toGain(-MAKEUP_DB) });
    this.bus.connect(this.limiter).connect(this.after).connect(graph.input);
    for (const name of this.names) {
      const gain = new GainNode(context);
      const meter = new AnalyserNode(context, { fftSize: 512 });
      gain.connect(this.bus);
      gain.connect(meter);
      this.gains.set(name, gain);
      this.meters.set(name, meter);
    }
  }

  /** Bytes of decoded sound that are held now. */
  get decodedBytes(): number {
    let bytes = 0;
    for (const { buffers } of this.pieces.values()) {
      for (const buffer of buffers.values()) bytes += buffer.length * buffer.numberOfChannels * 4;
    }
    return bytes;
  }

  get position_s(): number {
    if (!this.anchor) return this.frame / this.graph.context.sampleRate;
    const now = frameNow(this.graph.context.currentTime, this.anchor);
    return Math.min(now, this.frames) / this.graph.context.sampleRate;
  }

  /** Fetches what sounds at `position_s`; resolves when it could begin at once. */
  async prepare(position_s: number): Promise<void> {
    this.frame = Math.min(frameAt(position_s), this.frames - 1);
    this.tick();
    while (!this.closed && !this.isWhole(pieceAt(this.frame))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  play(): void {
    this.running = true;
    this.tick();
  }

  pause(): void {
    this.frame = frameAt(this.position_s);
    this.running = false;
    this.halt();
  }

  seek(position_s: number): void {
    this.halt();
    this.frame = Math.max(0, Math.min(frameAt(position_s), this.frames - 1));
    this.tick();
  }

  setMuted(stem: string, on: boolean): void {
    this.mix.set({ muted: changed(this.mix.get().muted, stem, on) });
    this.balance();
  }

  setSolo(stem: string, on: boolean): void {
    this.mix.set({ solo: changed(this.mix.get().solo, stem, on) });
    this.balance();
  }

  /** How loud a stem is now, 0…1. */
  level(stem: string): number {
    const meter = this.meters.get(stem);
    if (!meter || !this.anchor) return 0;
    const samples = new Float32Array(meter.fftSize);
    meter.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    return Math.min(1, (sum / samples.length) ** 0.25 * 1.8);
  }

  /** Stops, and frees all sound. */
  close(): void {
    this.closed = true;
    this.halt();
    for (const index of [...this.pieces.keys()]) this.drop(index);
    for (const node of [...this.gains.values(), ...this.meters.values()]) node.disconnect();
    setTimeout(() => {
      for (const node of [this.bus, this.limiter, this.after]) node.disconnect();
    }, 200);
  }

  // -- inside --

  private tick(): void {
    window.clearTimeout(this.timer);
    if (this.closed) return;
    const now = this.graph.context.currentTime;
    const frame = this.anchor ? frameNow(now, this.anchor) : this.frame;
    if (frame >= this.frames) {
      this.frame = 0;
      this.running = false;
      this.halt();
      this.tell("ended");
      return;
    }
    this.keep(wanted(frame, this.frames));
    if (this.running) {
      this.schedule(frame, now);
      this.tell("time");
    }
    this.mix.set({ waiting: this.running && !this.anchor, megabytes: this.decodedBytes / 1e6 });
    this.timer = window.setTimeout(() => this.tick(), this.anchor || !this.running ? TICK_MS : 40);
  }

  private schedule(frame: number, now: number): void {
    if (!this.anchor) {
      if (!this.isWhole(pieceAt(frame))) return;
      this.anchor = anchorAt(now, LEAD_S, frame);
      this.bus.gain.cancelScheduledValues(0);
      this.bus.gain.setTargetAtTime(toGain(this.song.stems_gain_db), now, RAMP_S / 3);
    }
    const first = pieceAt(frame);
    for (let index = first; index < pieceCount(this.frames) && this.pieces.has(index); index++) {
      const piece = this.pieces.get(index);
      if (!piece || piece.sources.length) continue;
      const { at_s, offset_s } = startOf(index, this.anchor);
      if (!this.isWhole(index)) {
        if (at_s < now + LEAD_S) this.stall(index); // all wait for the one that is late
        return;
      }
      if (at_s < now) {
        this.stall(index);
        return;
      }
      for (const [name, buffer] of piece.buffers) {
        const source = new AudioBufferSourceNode(this.graph.context, { buffer });
        source.connect(this.gains.get(name) as GainNode);
        source.start(at_s, offset_s);
        piece.sources.push(source);
      }
    }
  }

  private stall(index: number): void {
    this.halt();
    this.frame = Math.max(this.frame, index * frameAt(PIECE_S));
  }

  private halt(): void {
    this.anchor = null;
    const { currentTime } = this.graph.context;
    for (const piece of this.pieces.values()) {
      for (const source of piece.sources) source.stop(currentTime + RAMP_S * 2);
      piece.sources = [];
    }
    this.bus.gain.cancelScheduledValues(0);
    this.bus.gain.setTargetAtTime(0, currentTime, RAMP_S / 3);
  }

  private keep(indices: readonly number[]): void {
    for (const index of this.pieces.keys()) if (!indices.includes(index)) this.drop(index);
    for (const index of indices) if (!this.pieces.has(index)) this.fetchPiece(index);
  }

  private drop(index: number): void {
    const piece = this.pieces.get(index);
    this.pieces.delete(index);
    piece?.abort.abort();
    piece?.buffers.clear();
  }

  private fetchPiece(index: number): void {
    const piece: Piece = { buffers: new Map(), sources: [], abort: new AbortController() };
    this.pieces.set(index, piece);
    for (const name of this.names) void this.fetchStem(index, name, piece);
  }

  private async fetchStem(index: number, name: string, piece: Piece): Promise<void> {
    const { signal } = piece.abort;
    const query = `start_s=${index * PIECE_S}&duration_s=${PIECE_S}`;
    while (!signal.aborted) {
      try {
        const answer = await fetch(`/api/songs/${this.song.id}/stems/${name}/piece?${query}`, {
          signal,
        });
        if (answer.status === 404) return this.tell("lost"); // made room for other songs
        if (!answer.ok) throw new Error(answer.statusText);
        const buffer = await this.graph.context.decodeAudioData(await answer.arrayBuffer());
        if (!signal.aborted) piece.buffers.set(name, buffer);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof TypeError) lost();
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  private isWhole(index: number): boolean {
    return this.pieces.get(index)?.buffers.size === this.names.length;
  }

  private balance(): void {
    const { muted, solo } = this.mix.get();
    for (const [name, gain] of this.gains) {
      const target = isHeard(name, muted, solo) ? 1 : 0;
      gain.gain.setTargetAtTime(target, this.graph.context.currentTime, RAMP_S / 2);
    }
  }
}

function changed(set: ReadonlySet<string>, name: string, on: boolean): Set<string> {
  const next = new Set(set);
  if (on) next.add(name);
  else next.delete(name);
  return next;
}
