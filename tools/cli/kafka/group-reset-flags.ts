/** `kafka-consumer-groups --reset-offsets`: its flags, plan files and output. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Client } from '../../../net/client/client.ts'
import { commitOffsets, listConsumerGroups, stateOfGroup } from '../group-admin.ts'
import {
  type PlannedOffset,
  parseDateTime,
  parseDuration,
  partitionsNamed,
  planReset,
  ResetRefused,
  type ResetTo,
} from '../group-reset.ts'
import type { CommandIo } from '../io.ts'
import type { PartitionOf } from '../offsets-admin.ts'
import { type Flags, KafkaToolExit, KafkaToolUsage } from './flags.ts'
import { table, widest } from './group-tables.ts'

const SCENARIOS = [
  'to-offset',
  'to-datetime',
  'by-duration',
  'to-earliest',
  'to-latest',
  'shift-by',
  'from-file',
  'to-current',
] as const

export function checkReset(flags: Flags): void {
  if (flags.has('dry-run') && flags.has('execute'))
    throw new KafkaToolUsage('Option [reset-offsets] only accepts one of [dry-run] and [execute]')
  const [first, second] = SCENARIOS.filter((name) => flags.has(name))
  const names = `[${SCENARIOS.map((name) => `[${name}]`).join(', ')}]`
  if (first === undefined)
    throw new KafkaToolUsage(
      `Option '[reset-offsets]' requires one of the following scenarios: ${names}`,
    )
  if (second !== undefined)
    throw new KafkaToolUsage(`Option "[${first}]" can't be used with option "[${second}]"`)
  if (!flags.has('topic') && !flags.has('all-topics') && !flags.has('from-file'))
    throw new KafkaToolUsage('One of the reset scopes should be defined: --all-topics, --topic.')
}

interface GroupPlan {
  readonly groupId: string
  readonly offsets: readonly PlannedOffset[]
}

export async function resetOffsets(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const groups = flags.has('all-groups')
    ? (await listConsumerGroups(client)).map(({ groupId }) => groupId).sort()
    : [...new Set(flags.list('group'))]
  const file = flags.value('from-file')
  const plans = file === undefined ? null : readPlans(readText(file, io), groups)
  const target = plans === null ? targetOf(flags) : null
  const results: GroupPlan[] = []
  for (const groupId of groups) {
    const state = await stateOfGroup(client, groupId)
    if (state !== 'Empty' && state !== 'Dead') {
      io.stdout.write(
        `\nError: Assignments can only be reset if the group '${groupId}' is inactive, but the ` +
          `current state is ${state}.\n`,
      )
      continue
    }
    const to: ResetTo = target ?? { kind: 'plan', offsets: plans?.get(groupId) ?? [] }
    if (to.kind === 'plan' && !plans?.has(groupId))
      throw new ResetRefused(`No reset plan for group ${groupId} found`)
    const topics = flags.has('all-topics') ? [] : flags.list('topic')
    const scope: PartitionOf[] | null =
      topics.length === 0 ? null : await partitionsNamed(client, topics)
    const offsets = await planReset(client, groupId, scope, to)
    if (flags.has('execute')) await commitOffsets(client, groupId, offsets)
    results.push({ groupId, offsets })
  }
  if (flags.has('export')) io.stdout.write(exported(results, groups.length > 1))
  else io.stdout.write(plansTable(results))
}

function targetOf(flags: Flags): ResetTo {
  if (flags.has('to-earliest')) return { kind: 'earliest' }
  if (flags.has('to-latest')) return { kind: 'latest' }
  if (flags.has('to-current')) return { kind: 'current' }
  if (flags.has('to-offset')) return { kind: 'offset', value: wholeNumber(flags, 'to-offset') }
  if (flags.has('shift-by')) return { kind: 'shift', value: wholeNumber(flags, 'shift-by') }
  const dateTime = flags.value('to-datetime')
  if (dateTime !== undefined) {
    const value = parseDateTime(dateTime)
    if (value !== null) return { kind: 'timestamp', value }
    throw new ResetRefused(
      dateTime.includes('T')
        ? `java.text.ParseException: Unparseable date: "${dateTime}"${TIME_ADVICE}`
        : 'java.text.ParseException: Error parsing timestamp. It does not contain a ' +
            `'T' according to ISO8601 format${TIME_ADVICE}`,
    )
  }
  const duration = flags.value('by-duration') ?? ''
  const value = parseDuration(duration)
  if (value !== null) return { kind: 'timestamp', value: Date.now() - value }
  throw new ResetRefused(
    'Text cannot be parsed to a Duration\n  next: write it as P1DT2H30M for a day, two hours and a half',
  )
}

const TIME_ADVICE =
  '\n  next: write it as 2026-01-31T12:00:00.000, with a zone behind it if it is not UTC'

/** Of all of this flag the last counts, as there. */
function wholeNumber(flags: Flags, name: string): number {
  const text = flags.list(name).at(-1) ?? ''
  const value = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(value)) return value
  throw new ResetRefused(`Cannot parse argument '${text}' of option ${name}`)
}

function readText(file: string, io: CommandIo): string {
  try {
    return readFileSync(resolve(io.cwd, file), 'utf8')
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new ResetRefused(`java.io.IOException: Unable to read file ${file}\n  why:  ${detail}`)
  }
}

/** Lines `topic,partition,offset`, or with the group before it when there are many. */
function readPlans(text: string, groups: readonly string[]): Map<string, PlannedOffset[]> {
  const plans = new Map<string, PlannedOffset[]>()
  const many = groups.length > 1
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const fields = line.split(',').map((field) => field.trim().replace(/^"(.*)"$/, '$1'))
    const [group, topic, partition, offset] = many ? fields : [groups[0], ...fields]
    if (
      fields.length !== (many ? 4 : 3) ||
      group === undefined ||
      topic === undefined ||
      !/^\d+$/.test(partition ?? '') ||
      !/^\d+$/.test(offset ?? '')
    )
      throw new KafkaToolExit(
        `--from-file: line ${at + 1} is not ${many ? 'group,' : ''}topic,partition,offset: ${line}`,
      )
    const known = plans.get(group) ?? []
    known.push({ topic, partition: Number(partition), offset: Number(offset) })
    plans.set(group, known)
  }
  return plans
}

function exported(plans: readonly GroupPlan[], withGroup: boolean): string {
  return plans
    .flatMap(({ groupId, offsets }) =>
      offsets.map(
        ({ topic, partition, offset }) =>
          `${withGroup ? `${groupId},` : ''}${topic},${partition},${offset}\n`,
      ),
    )
    .join('')
}

function plansTable(plans: readonly GroupPlan[]): string {
  const rows = plans.flatMap(({ groupId, offsets }) =>
    offsets.map(({ topic, partition, offset }) => [
      groupId,
      topic,
      String(partition),
      String(offset),
    ]),
  )
  return table(
    [
      ['GROUP', widest(rows.map(([group = '']) => group))],
      ['TOPIC', widest(rows.map((row) => row[1] ?? ''))],
      ['PARTITION', 10],
      ['NEW-OFFSET', 0],
    ],
    rows,
  )
}
