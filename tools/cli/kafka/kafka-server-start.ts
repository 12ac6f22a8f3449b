/** kafka-server-start [-daemon] server.properties [--override property=value]*, as Kafka's script. */
import type { CommandIo } from '../io.ts'
import { VERSION } from '../version.ts'

const USAGE = 'USAGE: kafka-server-start [-daemon] server.properties [--override property=value]*'
const USAGE_EXIT = 1

export async function kafkaServerStart(args: readonly string[], io: CommandIo): Promise<number> {
  if (args.includes('--version')) {
    io.stdout.write(`sluice ${VERSION}\n`)
    return 0
  }
  const command = parse(args)
  if (typeof command === 'string') {
    io.stderr.write(`${command}\n`)
    return USAGE_EXIT
  }
  const { file, overrides } = command
  if (!command.daemon)
    return (await import('../serve-broker.ts')).serveBroker({ file, overrides }, io)
  const { serveDaemon } = await import('../serve-daemon.ts')
  const again = overrides.flatMap((pair) => ['--override', pair])
  return serveDaemon(['kafka-server-start', file, ...again], io)
}

interface ServerCommand {
  readonly file: string
  readonly overrides: readonly string[]
  readonly daemon: boolean
}

/** The command, or what is wrong with it. */
function parse(args: readonly string[]): ServerCommand | string {
  const overrides: string[] = []
  const files: string[] = []
  let daemon = false
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (arg === '-daemon') daemon = true
    else if (arg === '--override') {
      const pair = args[++at]
      if (pair === undefined) return `Option override requires an argument\n${USAGE}`
      overrides.push(pair)
    } else if (arg.startsWith('--override=')) overrides.push(arg.slice('--override='.length))
    else if (arg.startsWith('-')) return `${arg} is not a recognized option\n${USAGE}`
    else files.push(arg)
  }
  const [file] = files
  if (file === undefined || files.length > 1) return USAGE
  return { file, overrides, daemon }
}
