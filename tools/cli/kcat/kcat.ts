/**
 * kcat by its own name (1.7.1, the everyday options): output as the real one prints it.
 *
 * Differs from kcat: failures are told in our words when no broker can be reached; consuming a topic
 * that does not exist is a failure and creates nothing; files that cannot be read are a failure.
 */
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import { KafkaToolExit } from '../kafka/flags.ts'
import { VERSION } from '../version.ts'
import { kcatConsume, kcatGroup } from './kcat-consume.ts'
import { kcatList, kcatQuery } from './kcat-metadata.ts'
import { KcatFailure, parseKcat } from './kcat-options.ts'
import { kcatProduce } from './kcat-produce.ts'

const USAGE = `Usage: kcat <options> [file1 file2 .. | topic1 topic2 ..]

  -C -P -L -Q          consume, produce, list metadata, query offsets by time
  -G <group>           consume as a member of a group: topics follow
  -b <brokers,..>      host[:port] of brokers to start from
  -t <topic>           topic; with -Q <topic>:<partition>:<time>
  -p <partition>       partition
  -o <offset>          beginning, end, <number>, -<number> from the end, s@<ms> from, e@<ms> up to
  -c <count>  -e       end after so many messages; end at the last one
  -D -K <delimiter>    between messages; between key and message
  -k <key>  -H <h=v>   key of all messages; header, may come again
  -f <format>  -J      %s %S %R %k %K %T %h %t %p %o; or JSON
  -s <pack>            read numbers: [key=|value=] < > b B h H i I q Q c s $
  -z <codec>           gzip, snappy, lz4, zstd
  -l -T -Z -q          lines of a file; print what is sent; NULLs; quiet
  -F <file>  -X <p=v>  settings of librdkafka
  -m <seconds>  -V -h  patience; version; this text
`
const REQUEST_TIMEOUT_MS = 30_000

export async function kcat(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    const options = parseKcat(args, io)
    if (options === 'help' || options === 'version') {
      io.stdout.write(options === 'help' ? USAGE : `kcat of sluice ${VERSION}\n`)
      return 0
    }
    const actions = {
      consume: kcatConsume,
      produce: kcatProduce,
      list: kcatList,
      query: kcatQuery,
      group: kcatGroup,
    }
    const asks = options.mode === 'list' || options.mode === 'query'
    const client = openClient(options.brokers, asks ? options.timeoutMs : REQUEST_TIMEOUT_MS)
    try {
      await actions[options.mode](client, options, io)
      return 0
    } finally {
      await client.close()
    }
  } catch (error) {
    if (error instanceof KcatFailure || error instanceof KafkaToolExit)
      io.stderr.write(`${error.message}\n`)
    else if (error instanceof RequestFailed) io.stderr.write(`% ERROR: ${error.message}\n`)
    else throw error
    return 1
  }
}
