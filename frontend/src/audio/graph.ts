/** The one way of all sound: sources → analyser → volume → the listener. */
export interface Graph {
  context: AudioContext;
  /** Where sources are plugged in; the visualiser listens here, before the volume. */
  input: AnalyserNode;
  volume: GainNode;
}

export const RATE = 44_100;

let graph: Graph | null = null;

/** Builds it at the first call, which must be within a click or a key: browsers ask for that. */
export function openGraph(): Graph {
  if (!graph) {
    const context = new AudioContext({ sampleRate: RATE, latencyHint: "playback" });
    const input = new AnalyserNode(context, { fftSize: 2_048, smoothingTimeConstant: 0.6 });
    const volume = new GainNode(context);
    input.connect(volume).connect(context.destination);
    graph = { context, input, volume };
  }
  return graph;
}

/** The graph, if there has been a click already. */
export function knownGraph(): Graph | null {
  return graph;
}

const CURVE_POINTS = 64;

/** Moves a gain along a quarter of a sine: two of them, up and down, keep the power equal. */
export function fade(gain: GainNode, to: 0 | 1, seconds: number): void {
  const { currentTime } = gain.context;
  const now = gain.gain.value;
  gain.gain.cancelScheduledValues(0);
  if (seconds <= 0 || Math.abs(now - to) < 1e-3) {
    gain.gain.setValueAtTime(to, currentTime);
    return;
  }
  const curve = Float32Array.from({ length: CURVE_POINTS }, (_, i) => {
    const phase = (i / (CURVE_POINTS - 1)) * (Math.PI / 2);
    return to === 1 ? Math.max(now, Math.sin(phase)) : now * Math.cos(phase);
  });
  gain.gain.setValueCurveAtTime(curve, currentTime + 0.005, seconds);
}
