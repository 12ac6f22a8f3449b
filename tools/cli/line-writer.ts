/** Many lines to stdout: gathered into pieces, as fast as whoever reads them takes them. */
import type { CommandIo } from './io.ts'

const PIECE_CHARACTERS = 1 << 16

export class LineWriter {
  private readonly io: CommandIo
  private lines: string[] = []
  private characters = 0
  /** Nobody reads any more. */
  closed = false

  constructor(io: CommandIo) {
    this.io = io
    void io.outputClosed.then(() => {
      this.closed = true
    })
  }

  async line(text: string): Promise<void> {
    this.lines.push(text)
    this.characters += text.length + 1
    if (this.characters >= PIECE_CHARACTERS) await this.flush()
  }

  async flush(): Promise<void> {
    const { lines, io } = this
    if (lines.length === 0 || this.closed) return
    this.lines = []
    this.characters = 0
    const room = io.stdout.write(`${lines.join('\n')}\n`)
    if (!room)
      await Promise.race([
        new Promise((resolve) => io.stdout.once('drain', resolve)),
        io.outputClosed,
      ])
  }
}
