/**
 * Thrown by the parsers of small files whose content is not what the format says. The reader of the
 * file decides what that means: a cache is rebuilt, a checkpoint counts as absent (S7), an identity
 * stops the start.
 */
export class CorruptFile extends Error {
  override name = 'CorruptFile'
  readonly path: string
  readonly reason: string
  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`)
    this.path = path
    this.reason = reason
  }
}
