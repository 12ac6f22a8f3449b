/** `sluice quickstart`: a broker, real text, two public clients, and proof that nothing was lost. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { freePort, startBrokerChild } from '../../quickstart/broker-child.ts'
import type { Demonstration } from '../../quickstart/demonstration.ts'
import type { OwnCommand } from '../commands.ts'
import { wholeNumber } from '../connect-options.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'

interface QuickstartFlags {
  readonly exit?: boolean
  readonly port: string
  readonly data: string
  readonly text: string
}

export const quickstartCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    return program
      .command('quickstart')
      .description('start a broker and show two public clients using it')
      .option('--exit', 'end when the demonstration is over instead of staying up')
      .option('--port <port>', 'first port to try', '9092')
      .option('--data <folder>', 'data folder, in the working directory', 'sluice-data')
      .option('--text <folder>', 'text files to write', 'node_modules')
      .action((flags: QuickstartFlags) => run(flags, io))
  },
}

async function run(flags: QuickstartFlags, io: CommandIo): Promise<void> {
  const textRoot = resolve(io.cwd, flags.text)
  if (!existsSync(textRoot))
    throw new CommandFailure(
      ExitCode.usage,
      `there is no folder ${textRoot} to take text from`,
      null,
      'run `npm ci` first, or name a folder of text files with --text',
    )
  // The clients are development dependencies and slow to load: only this command has them.
  const { demonstrate, QUICKSTART_TOPIC } = await import('../../quickstart/demonstration.ts').catch(
    (error: Error) => {
      throw new CommandFailure(
        ExitCode.failed,
        'the quick start is not possible here',
        error.message,
        'run it from a clone after `npm ci`: its public clients are no part of the package',
      )
    },
  )
  const port = await freePort(wholeNumber('--port', flags.port, 1))
  const dataFolder = resolve(io.cwd, flags.data)
  const stopped = io.interrupted()
  const broker = await startBrokerChild(port, dataFolder).catch((error: Error) => {
    throw new CommandFailure(ExitCode.failed, 'the broker did not start', error.message)
  })
  io.stderr.write(`broker at ${broker.address}, up in ${Math.round(broker.startMs)} ms\n`)
  try {
    const shown = await shownUnless(stopped, (signal) =>
      demonstrate(broker.address, textRoot, signal),
    )
    if (shown === null) return
    report(shown, broker.address, QUICKSTART_TOPIC, dataFolder, io)
    if (flags.exit === true) return
    io.stderr.write('\nThe broker stays up; Ctrl-C stops it.\n')
    const ended = await Promise.race([stopped, broker.ended])
    if (ended === undefined)
      throw new CommandFailure(ExitCode.failed, 'the broker ended by itself', null, 'see above')
  } finally {
    await broker.stop()
  }
}

/** What `show` comes to, or null when it was interrupted. */
async function shownUnless(
  stopped: Promise<unknown>,
  show: (signal: AbortSignal) => Promise<Demonstration>,
): Promise<Demonstration | null> {
  const interruption = new AbortController()
  void stopped.then(() => interruption.abort())
  try {
    return await show(interruption.signal)
  } catch (error) {
    if (interruption.signal.aborted) return null
    const message = error instanceof Error ? error.message : String(error)
    throw new CommandFailure(ExitCode.failed, 'the demonstration failed', message)
  }
}

function report(
  shown: Demonstration,
  address: string,
  topic: string,
  dataFolder: string,
  io: CommandIo,
): void {
  const number = (value: number): string => Math.round(value).toLocaleString('en-US')
  if (shown.recordsRead !== shown.records || shown.differing.length > 0)
    throw new CommandFailure(
      ExitCode.failed,
      `what was read is not what was written: ${number(shown.records)} records written, ` +
        `${number(shown.recordsRead)} read, ${shown.differing.length} keys differ`,
      shown.differing.slice(0, 5).join(', '),
    )
  const before =
    shown.recordsBefore === 0
      ? ''
      : ` (${number(shown.recordsBefore)} records of earlier runs found)`
  io.stdout.write(
    [
      `wrote and read ${number(shown.records)} records of ${number(shown.keys)} keys in ` +
        `${shown.seconds.toFixed(1)} s: ${number(shown.recordsPerSecond)} records/s${before}`,
      'count, order per key and a running hash per key agree',
      `produce to consume: p50 ${shown.p50Ms.toFixed(1)} ms, p99 ${shown.p99Ms.toFixed(1)} ms`,
      `address ${address}, data in ${dataFolder}`,
      '',
      `kcat -b ${address} -t ${topic} -C -c 5 -f '%k: %s\\n'`,
      `npx sluice consume ${topic} -b ${address} --from-beginning -n 5 --print-key`,
      `node -e "const{Kafka}=require('kafkajs');const p=new Kafka({brokers:['${address}'],logLevel:1}).producer();` +
        `p.connect().then(()=>p.send({topic:'${topic}',messages:[{value:'hi'}]})).then(()=>p.disconnect())"`,
      '',
    ].join('\n'),
  )
}
