/** What kafka-reassign-partitions does: --execute, --cancel; and --list of what is being done. */
import { ErrorCode } from '../../../engine/base/errors.ts'
import type { Client } from '../../../net/client/client.ts'
import type { CommandIo } from '../io.ts'
import { type PartitionOf, partitionKey, sortedPartitions } from '../offsets-admin.ts'
import { KafkaToolExit } from './flags.ts'
import { errorWords } from './java-errors.ts'
import { alterReplicaLogDirs, findReplicas, type ReplicaMove, replicaName } from './log-dirs.ts'
import type { Assignment, Reassignment } from './reassignment-json.ts'
import { sortedMoves } from './reassignment-states.ts'
import {
  plannedMoves,
  type Target,
  throttleLogDirs,
  throttleMoves,
} from './reassignment-throttles.ts'
import { clearThrottles, currentPlacement, plural } from './reassignment-view.ts'
import { alterReassignments, assignmentsOf, listReassignments } from './reassignments.ts'

const RETRY_PAUSE_MS = 100

export interface ExecuteOptions {
  readonly additional: boolean
  /** Bytes per second; negative: none. */
  readonly throttle: number
  readonly logDirThrottle: number
  /** Longest wait for moves between folders to begin. */
  readonly timeoutMs: number
  readonly allowFactorChange: boolean
}

export async function listMoves(client: Client, io: CommandIo): Promise<number> {
  const active = await listReassignments(client)
  if (active.size === 0) {
    io.stdout.write('No partition reassignments found.\n')
    return 0
  }
  const lines = sortedPartitions(active.values()).map(
    (one) =>
      `${partitionKey(one)}: replicas: ${one.replicas.join(',')}.` +
      (one.adding.length === 0 ? '' : ` adding: ${one.adding.join(',')}.`) +
      (one.removing.length === 0 ? '' : ` removing: ${one.removing.join(',')}.`),
  )
  io.stdout.write(`Current partition reassignments:\n${lines.join('\n')}\n`)
  return 0
}

export async function executeMoves(
  client: Client,
  { partitions, moves }: Reassignment,
  how: ExecuteOptions,
  io: CommandIo,
): Promise<number> {
  const active = await listReassignments(client)
  if (active.size > 0 && !how.additional)
    throw new KafkaToolExit(
      'Cannot execute because there is an existing partition assignment.  Use --additional to ' +
        'override this and create a new partition assignment in addition to the existing one. The ' +
        '--additional flag can also be used to change the throttle by resubmitting the current ' +
        'reassignment.',
      'stdout',
    )
  await checkBrokers(client, partitions)
  const current = await currentAssignments(client, partitions)
  io.stdout.write(
    `Current partition replica assignment\n\n${await currentPlacement(client, current)}\n\n` +
      'Save this to use as the --reassignment-json-file option during rollback\n',
  )
  if (how.throttle >= 0 || how.logDirThrottle >= 0)
    io.stdout.write(
      'Warning: You must run --verify periodically, until the reassignment completes, to ensure ' +
        'the throttle is removed.\n',
    )
  const target = { client, viaController: false }
  if (how.throttle >= 0) {
    const planned = plannedMoves(active.values(), partitions, current)
    await throttleMoves(target, planned, how.throttle)
    io.stdout.write(`The inter-broker throttle limit was set to ${how.throttle} B/s\n`)
  }
  if (how.logDirThrottle >= 0) {
    const brokers = moves.map(({ broker }) => broker)
    await throttleLogDirs(target, brokers, how.logDirThrottle)
    io.stdout.write(`The replica-alter-dir throttle limit was set to ${how.logDirThrottle} B/s\n`)
  }
  const failures = await alterReassignments(client, partitions, how.allowFactorChange)
  if (failures.length > 0)
    throw new KafkaToolExit(
      `Error reassigning partition(s):\n${failureLines(failures).join('\n')}`,
      'stdout',
    )
  const names = sortedPartitions(partitions).map(partitionKey)
  io.stdout.write(
    `Successfully started partition reassignment${plural(names)} for ${names.join(',')}\n`,
  )
  await startLogDirMoves(client, moves, how.timeoutMs, io)
  return 0
}

async function checkBrokers(client: Client, partitions: readonly Assignment[]): Promise<void> {
  const { brokers } = await client.metadata([])
  const known = new Set(brokers.map(({ nodeId }) => nodeId))
  const unknown = partitions.flatMap(({ replicas }) => replicas).find((id) => !known.has(id))
  if (unknown === undefined) return
  throw new KafkaToolExit(
    `Unknown broker id ${unknown}\n  why:  there are ${[...known].sort((a, b) => a - b).join(', ')}\n` +
      '  next: name only these in the replicas',
  )
}

/** What the partitions named have now. */
async function currentAssignments(
  client: Client,
  partitions: readonly PartitionOf[],
): Promise<Assignment[]> {
  const all = await assignmentsOf(
    client,
    partitions.map(({ topic }) => topic),
  )
  const known = new Map(all.map((one) => [partitionKey(one), one]))
  return partitions.map((one) => {
    const found = known.get(partitionKey(one))
    if (found === undefined)
      throw new KafkaToolExit(`Unable to find partition: ${partitionKey(one)}`)
    return found
  })
}

function failureLines(failures: readonly { partition: PartitionOf; why: string }[]): string[] {
  const flat = failures.map(({ partition, why }) => ({ ...partition, why }))
  return sortedPartitions(flat).map((one) => `${partitionKey(one)}: ${one.why}`)
}

/**
 * Asks until all moves have begun: a replica that is only being made on its broker is not there to
 * move yet.
 */
async function startLogDirMoves(
  client: Client,
  moves: readonly ReplicaMove[],
  timeoutMs: number,
  io: CommandIo,
): Promise<void> {
  const until = performance.now() + timeoutMs
  let pending = sortedMoves(moves)
  while (pending.length > 0) {
    const codes = await alterReplicaLogDirs(client, pending)
    const codeOf = (move: ReplicaMove): number => codes.get(replicaName(move)) ?? ErrorCode.NONE
    for (const move of pending) {
      const code = codeOf(move)
      if (code === ErrorCode.REPLICA_NOT_AVAILABLE) continue
      const name = replicaName(move)
      if (code !== ErrorCode.NONE)
        throw new KafkaToolExit(
          `Failed to alter dir for ${name}\n  why:  ${errorWords(code)}\n` +
            '  next: see the folders of the broker with kafka-log-dirs --describe',
        )
      io.stdout.write(
        `Successfully started moving log directory to ${move.path} for replica ` +
          `${partitionKey(move)} with broker ${move.broker} \n`,
      )
    }
    pending = pending.filter((move) => codeOf(move) === ErrorCode.REPLICA_NOT_AVAILABLE)
    if (pending.length === 0) return
    if (performance.now() >= until)
      throw new KafkaToolExit(
        `Timed out before log directory move${plural(pending)} could be started for: ` +
          pending.map(replicaName).join(','),
        'stdout',
      )
    await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
  }
}

export async function cancelMoves(
  target: Target,
  { partitions, moves }: Reassignment,
  how: { readonly preserveThrottles: boolean; readonly timeoutMs: number },
  io: CommandIo,
): Promise<number> {
  const { client } = target
  const active = await listReassignments(client, partitions)
  const moving = sortedPartitions(active.values()).filter(
    ({ adding, removing }) => adding.length > 0 || removing.length > 0,
  )
  if (moving.length === 0)
    io.stdout.write('None of the specified partition reassignments are active.\n')
  else await cancelReassignments(client, moving, io)
  const places = await findReplicas(client, moves)
  // A move ends where it began when its replica is asked to stay there.
  const back = moves.flatMap((move) => {
    const { current = null, future = null } = places.get(replicaName(move)) ?? {}
    return current === null || future === null ? [] : [{ ...move, path: current }]
  })
  // No line end, as in Kafka's tool.
  if (back.length === 0) io.stdout.write('None of the specified partition moves are active.')
  else await startLogDirMoves(client, back, how.timeoutMs, io)
  if (!how.preserveThrottles) await clearThrottles(target, partitions, io)
  return 0
}

async function cancelReassignments(
  client: Client,
  moving: readonly PartitionOf[],
  io: CommandIo,
): Promise<void> {
  const failures = await alterReassignments(
    client,
    moving.map(({ topic, partition }) => ({ topic, partition, replicas: null })),
  )
  if (failures.length > 0)
    throw new KafkaToolExit(
      `Error cancelling partition reassignment${plural(failures)} for:\n` +
        failureLines(failures).join('\n'),
      'stdout',
    )
  io.stdout.write(
    `Successfully cancelled partition reassignment${plural(moving)} for: ` +
      `${moving.map(partitionKey).join(',')}\n`,
  )
}
