/**
 * kafka-reassign-partitions by its own flags (org.apache.kafka.tools.reassign, 4.2): output and exit
 * codes as recorded in test/golden/cli/kafka-reassign-partitions.txt. Failures go to stdout, as there,
 * but without the Java stack.
 */
import type { CommandIo } from '../io.ts'
import { withAdminClient } from './admin-client.ts'
import {
  type Flags,
  type FlagTable,
  KafkaToolExit,
  KafkaToolUsage,
  requireFlag,
  runTool,
} from './flags.ts'
import { checkExecutable, readReassignment, readTopics, repeated } from './reassignment-json.ts'
import { cancelMoves, executeMoves, listMoves } from './reassignment-run.ts'
import { generatePlan, verifyMoves } from './reassignment-view.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'optional',
  'bootstrap-controller': 'optional',
  'command-config': 'value',
  generate: 'flag',
  execute: 'flag',
  verify: 'flag',
  cancel: 'flag',
  list: 'flag',
  'reassignment-json-file': 'value',
  'topics-to-move-json-file': 'value',
  'broker-list': 'value',
  'disable-rack-aware': 'flag',
  throttle: 'value',
  'replica-alter-log-dirs-throttle': 'value',
  timeout: 'value',
  additional: 'flag',
  'preserve-throttles': 'flag',
  'disallow-replication-factor-change': 'flag',
}
const ABOUT = 'This tool helps to move topic partitions between replicas.'
const TIMEOUT_MS = 10_000

const ACTIONS = ['generate', 'execute', 'verify', 'cancel', 'list'] as const
type Action = (typeof ACTIONS)[number]

const REQUIRED: Readonly<Record<Action, readonly string[]>> = {
  generate: ['topics-to-move-json-file', 'broker-list'],
  execute: ['reassignment-json-file'],
  verify: ['reassignment-json-file'],
  cancel: ['reassignment-json-file'],
  list: [],
}
const ALLOWED: Readonly<Record<Action, readonly string[]>> = {
  generate: ['bootstrap-server', 'command-config', 'disable-rack-aware'],
  execute: [
    'additional',
    'bootstrap-server',
    'command-config',
    'throttle',
    'replica-alter-log-dirs-throttle',
    'timeout',
    'disallow-replication-factor-change',
  ],
  verify: ['bootstrap-server', 'command-config', 'preserve-throttles'],
  cancel: [
    'bootstrap-server',
    'bootstrap-controller',
    'command-config',
    'preserve-throttles',
    'timeout',
  ],
  list: ['bootstrap-server', 'bootstrap-controller', 'command-config'],
}

export function kafkaReassignPartitions(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  const action = checkFlags(flags)
  try {
    return await start(action, flags, io)
  } catch (error) {
    if (!(error instanceof KafkaToolExit)) throw error
    // What went wrong while it worked is told on stdout, refusals without more words.
    const said = error.stream === 'stdout' ? error.message : `Error: ${error.message}`
    throw new KafkaToolExit(said, 'stdout')
  }
}

function checkFlags(flags: Flags): Action {
  const chosen = ACTIONS.filter((action) => flags.has(action))
  const action = chosen[0]
  if (chosen.length !== 1 || action === undefined)
    throw new KafkaToolUsage(
      `Command must include exactly one action: ${ACTIONS.map((name) => `--${name}`).join(', ')}`,
    )
  const [server, controller] = [flags.has('bootstrap-server'), flags.has('bootstrap-controller')]
  if (server && controller)
    throw new KafkaToolUsage(
      "Please don't specify both --bootstrap-server and --bootstrap-controller",
    )
  if (!server && !controller)
    throw new KafkaToolUsage('Please specify either --bootstrap-server or --bootstrap-controller')
  for (const name of REQUIRED[action]) requireFlag(flags, name)
  for (const name of Object.keys(FLAGS))
    if (flags.has(name) && ![action, ...REQUIRED[action], ...ALLOWED[action]].includes(name))
      throw new KafkaToolUsage(`Option "[${name}]" can't be used with action "[${action}]"`)
  return action
}

function start(action: Action, flags: Flags, io: CommandIo): Promise<number> {
  const viaController = flags.has('bootstrap-controller')
  const preserveThrottles = flags.has('preserve-throttles')
  const timeoutMs = long(flags, 'timeout', TIMEOUT_MS)
  const file = flags.value('reassignment-json-file') ?? ''
  switch (action) {
    case 'list':
      return withAdminClient(flags, io, (client) => listMoves(client, io))
    case 'generate': {
      const brokers = brokerIds(flags.value('broker-list') ?? '')
      const topics = readTopics(flags.value('topics-to-move-json-file') ?? '', io)
      const rackAware = !flags.has('disable-rack-aware')
      return withAdminClient(flags, io, (client) =>
        generatePlan(client, { brokers, topics, rackAware }, io),
      )
    }
    case 'verify': {
      const wanted = readReassignment(file, io)
      return withAdminClient(flags, io, (client) =>
        verifyMoves(client, wanted, preserveThrottles, io),
      )
    }
    case 'cancel': {
      const wanted = readReassignment(file, io)
      return withAdminClient(flags, io, (client) =>
        cancelMoves({ client, viaController }, wanted, { preserveThrottles, timeoutMs }, io),
      )
    }
    case 'execute': {
      const throttle = long(flags, 'throttle', -1)
      const logDirThrottle = long(flags, 'replica-alter-log-dirs-throttle', -1)
      const wanted = readReassignment(file, io)
      checkExecutable(wanted)
      const allowFactorChange = !flags.has('disallow-replication-factor-change')
      const additional = flags.has('additional')
      const how = { additional, throttle, logDirThrottle, timeoutMs, allowFactorChange }
      return withAdminClient(flags, io, (client) => executeMoves(client, wanted, how, io))
    }
  }
}

function long(flags: Flags, name: string, fallback: number): number {
  const text = flags.value(name)
  if (text === undefined) return fallback
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new KafkaToolExit(
    `Cannot parse argument '${text}' of option ${name}\n  next: write a whole number`,
  )
}

function brokerIds(text: string): number[] {
  const words = text.split(',')
  const bad = words.find((word) => !/^[+-]?\d+$/.test(word))
  if (bad !== undefined)
    throw new KafkaToolExit(
      `For input string: "${bad}"\n  why:  broker ids are whole numbers\n` +
        '  next: write --broker-list as 0,1,2',
    )
  const ids = words.map(Number)
  const again = repeated(ids)
  if (again.length === 0) return ids
  throw new KafkaToolExit(`Broker list contains duplicate entries: [${again.join(', ')}]`)
}
