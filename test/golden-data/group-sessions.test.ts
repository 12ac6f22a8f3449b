/**
 * What real clients said to a real Kafka 4.2 about groups, said again to our coordinator: every
 * answer has the same error codes and the same facts. Ids, times and hosts differ and are mapped.
 *
 * Left out: groups that also spoke the newer protocol (68, see consumer-group.test.ts) or committed
 * in transactions (28), and in ListGroups groups that other clients had left on that broker. Order
 * inside lists is Kafka's hash order, so lists are sorted.
 *
 * Sessions are in the order of answers. A join is answered later than it was sent, so time is moved
 * on when the next exchange needs an answer that is still out.
 */
import { describe, expect, it } from 'vitest'
import type { GroupApiKey, GroupApis } from '../../engine/coordinator/group/requests.ts'
import { isGroupApi } from '../../engine/coordinator/group/requests.ts'
import { decodeRequestHeader, decodeResponseHeader } from '../../engine/protocol/header.ts'
import { apis } from '../../engine/protocol/index.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { VirtualHost } from '../support/coordinator-host.ts'
import { exchangesOf, wireFiles } from '../support/golden-wire.ts'
import { GroupClient, type Pending } from '../support/group-client.ts'

interface Said {
  readonly at: string
  readonly apiKey: GroupApiKey
  readonly version: number
  readonly clientId: string | null
  readonly request: GroupApis[GroupApiKey]['request']
  readonly response: GroupApis[GroupApiKey]['response']
}

interface Plain {
  readonly [name: string]: unknown
  readonly groupId?: unknown
  readonly memberId?: unknown
  readonly groups?: unknown
}

const TXN_OFFSET_COMMIT = 28
const CONSUMER_GROUP_HEARTBEAT = 68

/** Groups whose state in the session also came about through APIs that are not the machine's. */
function foreignGroups(file: string): Set<string> {
  const groups = new Set<string>()
  for (const { apiKey, version, request } of exchangesOf(file)) {
    if (apiKey !== TXN_OFFSET_COMMIT && apiKey !== CONSUMER_GROUP_HEARTBEAT) continue
    const header = decodeRequestHeader(request, 4, request.length)
    const body = decoderFor(
      apis.get(apiKey)!.request,
      version,
    )(new Reader(request, header.bodyStart)) as Plain
    groups.add(String(body.groupId))
  }
  return groups
}

/** The one group a request is about, or null. */
function groupOf(request: Said['request']): string | null {
  if ('groups' in request && request.groups.length > 0) {
    const first = request.groups[0]!
    return typeof first === 'string' ? first : first.groupId
  }
  if ('groupIds' in request) return request.groupIds[0] ?? null
  if ('groupsNames' in request) return request.groupsNames[0] ?? null
  return 'groupId' in request ? request.groupId : null
}

function decode(file: string): Said[] {
  const said: Said[] = []
  const foreign = foreignGroups(file)
  for (const { at, apiKey, version, request, response } of exchangesOf(file)) {
    if (apiKey === undefined || !isGroupApi(apiKey) || response === null) continue
    const api = apis.get(apiKey)
    if (api === undefined) throw new Error(`no API ${apiKey}`)
    const header = decodeRequestHeader(request, 4, request.length)
    const body = decoderFor(api.request, version)(new Reader(request, header.bodyStart))
    const reader = new Reader(response, 4)
    decodeResponseHeader(reader, apiKey, version)
    const answered = decoderFor(api.response, version)(reader)
    if (foreign.has(groupOf(body as Said['request']) ?? '')) continue
    said.push({
      at,
      apiKey,
      version,
      clientId: header.clientId,
      request: body as Said['request'],
      response: answered as Said['response'],
    })
  }
  return said
}

/** What must agree: codes, states, protocols, generations, offsets; not ids and times. */
const COMPARED = new Set([
  'errorCode',
  'generationId',
  'protocolType',
  'protocolName',
  'protocolData',
  'skipAssignment',
  'groupState',
  'groupType',
  'groupId',
  'name',
  'partitionIndex',
  'committedOffset',
  'committedLeaderEpoch',
  'metadata',
  'groupInstanceId',
  'clientId',
  'clientHost',
  'assignment',
  'memberAssignment',
])

function facts(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (Array.isArray(value))
    return value.map(facts).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  if (typeof value !== 'object' || value === null) return value
  const kept: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) {
    const isList = Array.isArray(field) && typeof field[0] === 'object'
    if (isList || (Array.isArray(field) && field.length === 0)) kept[name] = facts(field)
    else if (COMPARED.has(name)) kept[name] = facts(field)
  }
  return kept
}

/** Of Kafka's ListGroups answer the groups that this session has made. */
function onlyOurGroups({ apiKey }: Said, theirs: Plain, ours: Plain): Plain {
  if (apiKey !== 16) return theirs
  const idsOf = (answer: Plain) => answer.groups as { groupId: string }[]
  const mine = new Set(idsOf(ours).map(({ groupId }) => groupId))
  return { ...theirs, groups: idsOf(theirs).filter(({ groupId }) => mine.has(groupId)) }
}

class Replay {
  readonly client: GroupClient
  /** Captured member id → ours. */
  private readonly ids = new Map<string, string>()
  private readonly out: { said: Said; pending: Pending<Said['response']> }[] = []
  readonly differences: string[] = []

  constructor(client: GroupClient) {
    this.client = client
  }

  async say(said: Said): Promise<void> {
    if (this.needsAnswer(said)) await this.finish()
    const request = this.mapIds(said.request) as Said['request']
    const pending = await this.client.send(said.apiKey, said.version, request, said.clientId)
    this.out.push({ said, pending })
    if (said.apiKey !== 11) await this.finish()
    else this.collect()
  }

  /** Moves time on until everything is answered. */
  async finish(): Promise<void> {
    this.collect()
    for (let waits = 0; this.out.length > 0; waits++) {
      if (waits > 400) throw new Error(`${this.out[0]!.said.at} is never answered`)
      await this.client.advance(500)
      this.collect()
    }
  }

  private needsAnswer(said: Said): boolean {
    if (this.out.length === 0) return false
    return said.apiKey !== 11 || this.memberIdsOf(said.request).some((id) => this.isOut(id))
  }

  private isOut(id: string): boolean {
    return id !== '' && !this.ids.has(id)
  }

  private memberIdsOf(request: Said['request']): string[] {
    return 'memberId' in request ? [request.memberId] : []
  }

  private collect(): void {
    for (const entry of [...this.out]) {
      const { said, pending } = entry
      if (pending.answer === null) continue
      this.out.splice(this.out.indexOf(entry), 1)
      this.compare(said, pending.answer)
    }
  }

  private compare(said: Said, answer: Said['response']): void {
    const theirs = said.response as Plain
    const ours = overTheWire(said, answer) as Plain
    const memberId = theirs.memberId
    if (typeof memberId === 'string' && memberId !== '')
      this.ids.set(memberId, String(ours.memberId))
    const [left, right] = [facts(ours), facts(onlyOurGroups(said, theirs, ours))].map((fact) =>
      JSON.stringify(fact),
    )
    if (left !== right) this.differences.push(`${said.at}\n  ours   ${left}\n  theirs ${right}`)
  }

  private mapIds(value: unknown): unknown {
    if (Buffer.isBuffer(value)) return value
    if (Array.isArray(value)) return value.map((item) => this.mapIds(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => [
        name,
        name === 'memberId' && typeof field === 'string'
          ? (this.ids.get(field) ?? field)
          : this.mapIds(field),
      ]),
    )
  }
}

/** Our answer as the client reads it: encoded and decoded again. */
function overTheWire({ apiKey, version }: Said, answer: Said['response']): object {
  const api = apis.get(apiKey)!
  const writer = new Writer()
  encoderFor(api.response, version)(writer, answer as Plain)
  return decoderFor(api.response, version)(new Reader(writer.bytes()))
}

/** A host that knows every topic the session names, with a hundred partitions. */
function hostFor(session: readonly Said[]): VirtualHost {
  const host = new VirtualHost()
  const partitions = Array.from({ length: 100 }, (_, index) => ({ index }))
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return
    const { name, topicId } = value as Plain
    if (typeof name === 'string' && typeof topicId === 'string' && !name.includes('nope')) {
      const topic = { name: name === '' ? topicId : name, topicId, partitions }
      if (name !== '') host.topics.set(name, topic)
      host.topicsById.set(topicId, topic)
    }
    for (const field of Object.values(value)) visit(field)
  }
  for (const { request, response } of session) {
    visit(request)
    visit(response)
  }
  return host
}

describe('sessions of real clients', () => {
  for (const file of wireFiles().filter((name) => name.startsWith('sessions/'))) {
    it(`${file} goes as it went with Kafka`, async () => {
      const session = decode(file)
      const client = await GroupClient.start({}, hostFor(session))
      const replay = new Replay(client)
      for (const said of session) await replay.say(said)
      await replay.finish()
      expect(replay.differences.join('\n')).toBe('')
    })
  }
})
