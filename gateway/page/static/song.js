// A chosen file, decoded in this browser, and what is drawn of it.

const RATE = 44_100;

/**
 * The file's samples, for playing.
 *
 * @returns {Promise<AudioBuffer | null>} null where this browser cannot read the format
 */
export async function decode(file) {
  try {
    const context = new OfflineAudioContext(1, 1, RATE); // the only kind that needs no gesture
    return await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    return null;
  }
}

/**
 * Peaks and the mel picture, computed in a worker.
 *
 * @param {AudioBuffer} buffer
 * @param {(part: {peaks?: Float32Array, mel?: object}) => void} use called as each is ready
 * @returns {() => void} stops the work
 */
export function picture(buffer, use) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => {
    use(data);
    if (data.mel) worker.terminate();
  };
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, index) =>
    buffer.getChannelData(index).slice(),
  );
  const moved = channels.map((channel) => channel.buffer);
  worker.postMessage({ channels, rate: buffer.sampleRate }, moved);
  return () => worker.terminate();
}

/**
 * The song cut into what a listener hears as parts: choruses, and what lies between boundaries.
 *
 * @param {object} chorus the DeepChorus payload
 * @returns {{start: number, end: number, chance: number, isChorus: boolean, isBest: boolean, number: number}[]}
 */
export function sectionsOf(chorus) {
  const best = chorus.thumbnail[0]?.interval;
  const choruses = chorus.chorus_segments.map((segment) => section(segment, true));
  const within = ({ start, end }) =>
    choruses.some((each) => start >= each.start - 0.01 && end <= each.end + 0.01);
  const others = chorus.raw_segments
    .map((segment) => section(segment, false))
    .filter((each) => !within(each));
  const numbers = { true: 0, false: 0 };
  const sections = [...choruses, ...others].sort((a, b) => a.start - b.start);
  for (const each of sections) {
    each.number = ++numbers[each.isChorus];
    each.isBest = Boolean(best) && each.start === best[0] && each.end === best[1];
  }
  return sections;
}

function section(segment, isChorus) {
  const [start, end] = segment.interval;
  return { start, end, chance: segment.chorus_prob, isChorus };
}
