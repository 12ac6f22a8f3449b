/**
 * What a frame's first four bytes say, and what a peer is that speaks something else.
 *
 *   0        4                      4 + length
 *   | length | header and body ...  |          length: int32, big-endian, excludes itself
 *
 * A refused length closes the connection before anything is allocated for it (N1). Bytes of another
 * protocol always read as a huge or negative length, so they are told apart only then (N5).
 */
import { limits } from '../engine/base/limits.ts'

export const FRAME_LENGTH_BYTES = 4

/**
 * The connection must be closed for what it sent; `message` is the log line's reason. `kind` groups
 * lines that are rate-limited per address.
 */
export class FrameRefused extends Error {
  override name = 'FrameRefused'
  readonly kind: 'length' | 'http' | 'tls'
  constructor(kind: 'length' | 'http' | 'tls', message: string) {
    super(message)
    this.kind = kind
  }
}

/** Throws FrameRefused unless a frame of `length` bytes may be received. */
export function checkFrameLength(length: number, maxBytes: number): void {
  if (length >= limits.frameBytesMin && length <= maxBytes) return
  const opening = describeOpening(length)
  if (opening !== null) throw opening
  if (length < limits.frameBytesMin)
    throw new FrameRefused(
      'length',
      `a request announced ${length} bytes; a Kafka request has at least ${limits.frameBytesMin}`,
    )
  throw new FrameRefused(
    'length',
    `a request announced ${length} bytes; socket.request.max.bytes allows ${maxBytes}`,
  )
}

const HTTP_OPENINGS: ReadonlySet<string> = new Set([
  'GET ',
  'POST',
  'HEAD',
  'PUT ',
  'DELE',
  'OPTI',
  'PATC',
  'CONN',
  'TRAC',
  'PRI ',
])

/**
 * Why these four bytes are no length: another protocol's opening; null when they are just wrong.
 */
function describeOpening(length: number): FrameRefused | null {
  const bytes = Buffer.alloc(FRAME_LENGTH_BYTES)
  bytes.writeInt32BE(length | 0)
  const text = bytes.toString('latin1')
  if (HTTP_OPENINGS.has(text))
    return new FrameRefused(
      'http',
      `it speaks HTTP (it began with "${text.trim()}"), but this listener speaks the Kafka protocol`,
    )
  // TLS record: type 22 (handshake), version 3.x
  if (bytes[0] === 0x16 && bytes[1] === 0x03)
    return new FrameRefused(
      'tls',
      'it began with a TLS handshake, but this listener is plain: ' +
        'set security.protocol=PLAINTEXT in the client, or connect to a TLS listener',
    )
  return null
}
