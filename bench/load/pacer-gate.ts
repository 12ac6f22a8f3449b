/**
 * What the thread that sends an open loop's requests (pacer.ts) and the one that reads the answers
 * share: words that say when to stop, and a gate per lane, by which transactions hold requests back.
 *
 *   words    stop | turn | sent | due | per lane: gate | sent | busy
 *   marks    per lane: producer id | epoch, of what is sent next
 *
 * `turn` changes with everything the pacer should look at, and is what it sleeps on. A gate that is
 * closed means nothing more leaves as soon as `busy` is 0: the pacer raises it before it looks.
 */

/** `sent` counts requests of all lanes; with PacerStop.finish `due` says how many are to be. */
export const PacerWord = { stop: 0, turn: 1, sent: 2, due: 3 } as const
/** `finish`: what was due until now is still sent, or a machine that was busy would leave out the latest. */
export const PacerStop = { none: 0, now: 1, finish: 2 } as const
/** `one`: a request, then closed; `again`: the last one once more, then closed. */
export const PacerGate = { open: 0, closed: 1, one: 2, again: 3 } as const
export const LaneWord = { gate: 0, sent: 1, busy: 2 } as const
const HEAD_WORDS = 4
const LANE_WORDS = 3

export interface PacerShare {
  readonly words: Int32Array
  readonly marks: Float64Array
}

export function newPacerShare(lanes: number): PacerShare {
  return {
    words: new Int32Array(new SharedArrayBuffer(4 * (HEAD_WORDS + lanes * LANE_WORDS))),
    marks: new Float64Array(new SharedArrayBuffer(8 * 2 * lanes)),
  }
}

export function laneWord(lane: number, word: keyof typeof LaneWord): number {
  return HEAD_WORDS + lane * LANE_WORDS + LaneWord[word]
}

/** Makes the pacer look. */
export function nextTurn({ words }: PacerShare): void {
  Atomics.add(words, PacerWord.turn, 1)
  Atomics.notify(words, PacerWord.turn)
}

/** Requests that left, or are leaving. */
export function sentOnLane({ words }: PacerShare, lane: number): number {
  return Atomics.load(words, laneWord(lane, 'sent'))
}
