// Playback to the sample: a section that loops has no gap. Says "change" when it starts or stops.

const FADE = 0.006; // seconds; a start in the middle of a wave would click

export class Player extends EventTarget {
  #context = null;
  #source = null;
  #buffer = null;
  #from = 0;
  #startedAt = 0;

  /** The section that is played, or null for the whole song. */
  section = null;
  loops = false;

  get isPlaying() {
    return this.#source !== null;
  }

  get duration() {
    return this.#buffer?.duration ?? 0;
  }

  /** Seconds from the song's beginning. */
  get position() {
    if (!this.isPlaying) return this.#from;
    const at = this.#from + this.#context.currentTime - this.#startedAt;
    const [start, end] = this.#bounds();
    if (this.loops && at >= end) return start + ((at - end) % (end - start));
    return Math.min(at, end);
  }

  /** Take a song, or none; what plays stops. */
  load(buffer) {
    this.#stop();
    this.#buffer = buffer;
    this.#from = 0;
    this.section = null;
    this.#tell();
  }

  play() {
    if (this.isPlaying || !this.#buffer) return;
    const [start, end] = this.#bounds();
    if (this.#from >= end - 0.01 || this.#from < start) this.#from = start;
    this.#start();
    this.#tell();
  }

  pause() {
    this.#from = this.position;
    this.#stop();
    this.#tell();
  }

  /** Go to a second of the song, playing on or not; the whole song is played from there. */
  seek(seconds) {
    this.#go(Math.min(Math.max(0, seconds), this.duration), null);
  }

  /** Play a section from its beginning, once or in a loop. */
  playSection(section) {
    this.#go(section.start, section);
    this.play();
  }

  setLoop(loops) {
    const at = this.position;
    this.loops = loops;
    this.#go(at, this.section);
  }

  #go(seconds, section) {
    const wasPlaying = this.isPlaying;
    this.#stop();
    this.#from = seconds;
    this.section = section;
    if (wasPlaying) this.#start();
    this.#tell();
  }

  #bounds() {
    return this.section
      ? [this.section.start, Math.min(this.section.end, this.duration)]
      : [0, this.duration];
  }

  #start() {
    this.#context ??= new AudioContext();
    this.#context.resume();
    const now = this.#context.currentTime;
    const fade = new GainNode(this.#context, { gain: 0 });
    fade.gain.setValueAtTime(0, now).linearRampToValueAtTime(1, now + FADE);
    const source = new AudioBufferSourceNode(this.#context, { buffer: this.#buffer });
    const [start, end] = this.#bounds();
    source.connect(fade).connect(this.#context.destination);
    source.onended = () => this.#ended(source);
    if (this.loops) {
      Object.assign(source, { loop: true, loopStart: start, loopEnd: end });
      source.start(now, this.#from);
    } else {
      source.start(now, this.#from, Math.max(0, end - this.#from));
    }
    this.#startedAt = now;
    this.#source = source;
  }

  #stop() {
    if (!this.#source) return;
    this.#source.onended = null;
    this.#source.stop();
    this.#source.disconnect();
    this.#source = null;
  }

  #ended(source) {
    if (source !== this.#source) return;
    this.#from = this.#bounds()[1];
    this.#source = null;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
