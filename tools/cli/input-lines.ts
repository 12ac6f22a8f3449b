/**
 * Lines of a byte stream as bytes, so that what is no UTF-8 passes through unchanged. The stream is
 * read only as fast as lines are taken.
 */
import { limits } from '../../engine/base/limits.ts'
import { CommandFailure, ExitCode } from './failure.ts'

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * `lf`: a line ends with \n, all else is content. `java`: as BufferedReader.readLine has it, \n, \r
 * or \r\n. A last line without an end counts if it is not empty.
 */
export type LineEnds = 'lf' | 'java'

/** Throws CommandFailure for a line longer than limits.inflateBytesMax. */
export async function* inputLines(
  input: AsyncIterable<Buffer | string>,
  ends: LineEnds,
): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = []
  let bytes = 0
  let lineNumber = 1
  let skipLineFeed = false
  for await (const data of input) {
    const chunk = typeof data === 'string' ? Buffer.from(data) : data
    let start = skipLineFeed && chunk[0] === LINE_FEED ? 1 : 0
    skipLineFeed = skipLineFeed && chunk.length === 0
    for (;;) {
      const end = lineEnd(chunk, start, ends)
      if (end < 0) break
      yield joined(pieces, chunk.subarray(start, end))
      pieces = []
      bytes = 0
      lineNumber++
      start = end + 1
      if (chunk[end] !== CARRIAGE_RETURN) continue
      if (start === chunk.length) skipLineFeed = true
      else if (chunk[start] === LINE_FEED) start++
    }
    if (start === chunk.length) continue
    pieces.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > limits.inflateBytesMax)
      throw new CommandFailure(
        ExitCode.failed,
        `line ${lineNumber} of the input is longer than ${limits.inflateBytesMax} bytes`,
        null,
        'no broker takes such a record: give the input line ends, or split it',
      )
  }
  if (bytes > 0) yield joined(pieces, Buffer.alloc(0))
}

function lineEnd(chunk: Buffer, start: number, ends: LineEnds): number {
  const lineFeed = chunk.indexOf(LINE_FEED, start)
  if (ends === 'lf') return lineFeed
  const before = lineFeed < 0 ? chunk : chunk.subarray(0, lineFeed)
  const carriageReturn = before.indexOf(CARRIAGE_RETURN, start)
  return carriageReturn < 0 ? lineFeed : carriageReturn
}

function joined(pieces: readonly Buffer[], last: Buffer): Buffer {
  return pieces.length === 0 ? last : Buffer.concat([...pieces, last])
}
