import { fade, type Graph } from "./graph";

/** A tenth of a second of nothing: played within the first click, it lets later songs start alone. */
const SILENCE = `data:audio/wav;base64,UklGRkQDAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YSADAACA${"gICA".repeat(266)}gA==`;

/** One audio element and its gain; there are two, so that songs can overlap. */
export class Deck {
  readonly element = new Audio();
  private gain: GainNode | null = null;
  private timer = 0;
  private silent = false;

  constructor() {
    this.element.preload = "auto";
  }

  /** Plugs it into the graph; once, and within a click. */
  plug(graph: Graph): void {
    if (this.gain) return;
    this.gain = new GainNode(graph.context, { gain: 1 });
    graph.context.createMediaElementSource(this.element).connect(this.gain).connect(graph.input);
    // Phones let an element start alone only once it has been started within a click.
    if (!this.element.hasAttribute("src")) {
      this.silent = true;
      this.element.src = SILENCE;
      this.element.play().catch(() => {});
    } else if (this.element.paused) {
      this.element.play().catch(() => {});
      this.element.pause();
    }
  }

  load(url: string, at_s = 0): void {
    this.settle();
    this.silent = false;
    this.element.pause();
    this.element.src = url;
    if (at_s > 0) this.element.currentTime = at_s;
    this.setGain(1);
  }

  async play(fadeIn_s = 0): Promise<void> {
    this.settle();
    if (fadeIn_s > 0) {
      this.setGain(0);
      await this.element.play();
      this.fade(1, fadeIn_s);
    } else {
      this.setGain(1);
      await this.element.play();
    }
  }

  /** Fades out, then pauses, or lets go of the song altogether. */
  quiet(seconds: number, release: boolean): void {
    this.settle();
    const end = () => {
      this.timer = 0;
      if (release) this.release();
      else this.element.pause();
    };
    if (seconds <= 0 || this.element.paused) {
      end();
      return;
    }
    this.fade(0, seconds);
    this.timer = window.setTimeout(end, seconds * 1_000 + 60);
  }

  release(): void {
    this.settle();
    this.element.pause();
    if (!this.element.hasAttribute("src")) return;
    this.element.removeAttribute("src");
    this.element.load();
  }

  get isFading(): boolean {
    return this.timer !== 0;
  }

  get isEmpty(): boolean {
    return this.silent || !this.element.hasAttribute("src");
  }

  private settle(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
  }

  private fade(to: 0 | 1, seconds: number): void {
    if (this.gain) fade(this.gain, to, seconds);
  }

  private setGain(to: 0 | 1): void {
    if (this.gain) fade(this.gain, to, 0);
  }
}
