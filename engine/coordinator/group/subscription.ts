/**
 * Reads the topics out of consumer protocol subscriptions, the bytes members send as metadata when
 * the protocol type is "consumer". Every version begins with version 0, which is all that is read:
 *
 *   int16 version | int32 count | count × (int16 length, UTF-8 topic) | later fields ignored
 */

/** The topics of all subscriptions together; null when one of them cannot be read. */
export function subscribedTopics(metadata: readonly Buffer[]): Set<string> | null {
  const topics = new Set<string>()
  for (const bytes of metadata) if (!readTopics(bytes, topics)) return null
  return topics
}

function readTopics(bytes: Buffer, into: Set<string>): boolean {
  if (bytes.length < 6 || bytes.readInt16BE(0) < 0) return false
  const count = bytes.readInt32BE(2)
  let position = 6
  // A topic takes two bytes at least, so a count beyond the bytes is refused before the loop.
  if (count < 0 || count > (bytes.length - position) / 2) return false
  for (let at = 0; at < count; at++) {
    if (bytes.length - position < 2) return false
    const length = bytes.readInt16BE(position)
    position += 2
    if (length < 0 || length > bytes.length - position) return false
    into.add(bytes.toString('utf8', position, position + length))
    position += length
  }
  return true
}
