/**
 * Latency histograms (HDR, three digits, in microseconds) and the text they travel in: the compressed
 * base64 of HdrHistogram's own log files, so that every HDR tool reads them. Plain JavaScript mode.
 */
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js'

export type { Histogram } from 'hdr-histogram-js'

const DIGITS = 3
/** An hour: what comes later counts as that. */
const MICROSECONDS_MAX = 3_600_000_000

export function newHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MICROSECONDS_MAX,
    numberOfSignificantValueDigits: DIGITS,
    useWebAssembly: false,
  })
}

/** Below a microsecond counts as one. */
export function recordMs(histogram: Histogram, milliseconds: number): void {
  const value = Math.round(milliseconds * 1000)
  histogram.recordValue(value < 1 ? 1 : value > MICROSECONDS_MAX ? MICROSECONDS_MAX : value)
}

/** Null for an empty one. */
export function encodeHistogram(histogram: Histogram): string | null {
  return histogram.totalCount === 0 ? null : encodeIntoCompressedBase64(histogram)
}

export function decodeHistogram(text: string | null): Histogram {
  return text === null ? newHistogram() : decodeFromCompressedBase64(text, 32, false)
}

/** All values of all of them; null when there is none. */
export function mergeHistograms(texts: readonly (string | null)[]): string | null {
  const given = texts.filter((text) => text !== null)
  if (given.length < 2) return given[0] ?? null
  const sum = newHistogram()
  for (const text of given) sum.add(decodeHistogram(text))
  return encodeHistogram(sum)
}

/** In milliseconds; NaN without values. */
export function percentileMs(histogram: Histogram, percentile: number): number {
  if (histogram.totalCount === 0) return Number.NaN
  return histogram.getValueAtPercentile(percentile) / 1000
}
