/** kafka-server-start [-daemon] server.properties [--override property=value]*, as Kafka's script. */
import type { CommandIo } from '../io.ts'
import type { KafkaTool } from '../kafka-tools.ts'
import { serveBroker, serveDaemon } from '../serve-broker.ts'
import { KafkaToolExit, runTool } from './flags.ts'

const USAGE = 'USAGE: kafka-server-start [-daemon] server.properties [--override property=value]*'

export const kafkaServerStart: KafkaTool = {
  run: (args, io) => runTool(io, () => run(args, io)),
}

async function run(args: readonly string[], io: CommandIo): Promise<number> {
  const overrides: string[] = []
  const files: string[] = []
  let daemon = false
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (arg === '-daemon') daemon = true
    else if (arg === '--override') {
      const pair = args[++at]
      if (pair === undefined) throw new KafkaToolExit(USAGE)
      overrides.push(pair)
    } else if (arg.startsWith('-'))
      throw new KafkaToolExit(`${arg} is not a recognized option\n${USAGE}`)
    else files.push(arg)
  }
  const file = files[0]
  if (file === undefined || files.length > 1) throw new KafkaToolExit(USAGE)
  if (!daemon) return serveBroker({ file, overrides, logFormat: 'text' }, io)
  const again = overrides.flatMap((pair) => ['--override', pair])
  return serveDaemon(['kafka-server-start', file, ...again], io)
}
