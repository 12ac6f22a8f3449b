/** Runs a command line of ours in this process, with its streams and signals in a test's hands. */
import { Readable, Writable } from 'node:stream'
import type { CommandIo } from '../../tools/cli/io.ts'
import { main } from '../../tools/cli/main.ts'

export interface CliRun {
  readonly input?: string | Buffer | Readable
  /** Name the binary is called by. */
  readonly calledAs?: string
  readonly cwd?: string
  readonly interrupted?: Promise<NodeJS.Signals>
  readonly outputClosed?: Promise<void>
  /** Hears each piece of stdout as it is written. */
  readonly onOutput?: (text: string) => void
}

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Buffer
}

const never = new Promise<never>(() => {})

export async function runCli(args: readonly string[], run: CliRun = {}): Promise<CliResult> {
  const out = collector(run.onOutput)
  const err = collector()
  const input = run.input ?? ''
  const io: CommandIo = {
    stdout: out.stream,
    stderr: err.stream,
    stdin: input instanceof Readable ? input : Readable.from([Buffer.from(input)]),
    env: {},
    cwd: run.cwd ?? process.cwd(),
    outputClosed: run.outputClosed ?? never,
    interrupted: () => run.interrupted ?? never,
  }
  const code = await main(['node', `/usr/bin/${run.calledAs ?? 'sluice'}`, ...args], io)
  return {
    code,
    stdout: out.bytes().toString(),
    stderr: err.bytes().toString(),
    bytes: out.bytes(),
  }
}

function collector(onPiece?: (text: string) => void): { stream: Writable; bytes: () => Buffer } {
  const pieces: Buffer[] = []
  const stream = new Writable({
    write(piece: Buffer, _encoding, done) {
      pieces.push(Buffer.from(piece))
      onPiece?.(piece.toString())
      done()
    },
  })
  return { stream, bytes: () => Buffer.concat(pieces) }
}
