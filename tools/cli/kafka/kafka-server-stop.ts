/**
 * kafka-server-stop [--process-role=ROLE] [--node-id=ID], as Kafka's script: SIGTERM to the brokers of
 * this user on this machine, of which each then stops cleanly. Which processes are brokers of ours,
 * broker-processes.ts says; others are never signalled.
 *
 * Differs from Kafka's: a process is both broker and controller here, so every role finds all.
 */
import { type BrokerProcess, brokerProcesses } from '../broker-processes.ts'
import type { CommandIo } from '../io.ts'

const USAGE = 'USAGE: kafka-server-stop [--process-role=broker|controller] [--node-id=ID]'
const ROLES = ['broker', 'controller']

export async function kafkaServerStop(args: readonly string[], io: CommandIo): Promise<number> {
  const wanted = parse(args)
  if (typeof wanted === 'string') {
    io.stderr.write(`${wanted}\n`)
    return 1
  }
  const all = await brokerProcesses(io)
  const { nodeId } = wanted
  const found = all.filter((broker) => nodeId === null || broker.nodeId === nodeId)
  if (found.length === 0) {
    io.stdout.write(
      nodeId === null || all.length === 0
        ? 'No kafka server to stop\n'
        : `No kafka server to stop that matches the node id ${nodeId}\n`,
    )
    return 1
  }
  return found.map((broker) => stop(broker, io)).every((done) => done) ? 0 : 1
}

function stop({ pid }: BrokerProcess, io: CommandIo): boolean {
  try {
    process.kill(pid, 'SIGTERM')
    return true
  } catch (error) {
    io.stderr.write(
      `process ${pid} could not be signalled: ${error instanceof Error ? error.message : error}\n`,
    )
    return false
  }
}

function parse(args: readonly string[]): { readonly nodeId: number | null } | string {
  let nodeId: number | null = null
  for (const arg of args) {
    const [, name, value = ''] = /^--?(process-role|node-id)=(.*)$/.exec(arg) ?? []
    if (name === undefined) return `${arg} is not a recognized option\n${USAGE}`
    if (name === 'process-role') {
      const [first = ''] = value.split(',')
      if (!ROLES.includes(first)) return `${arg}: a role is broker or controller\n${USAGE}`
      continue
    }
    if (!/^\d{1,10}$/.test(value)) return `${arg}: a node id is a number\n${USAGE}`
    nodeId = Number(value)
  }
  return { nodeId }
}
