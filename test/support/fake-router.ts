/**
 * A router whose shards are the test: appends and reads are kept, calls go to functions it sets.
 */
import {
  emptyImage,
  type MetadataImage,
  type TopicImage,
  withTopics,
} from '../../engine/metadata/image.ts'
import type {
  AppendDone,
  AppendOptions,
  ReadHandle,
  ReadRequest,
  ReadResult,
} from '../../engine/shard-port.ts'
import type { AllCalls, CallOp } from '../../workers/messages.ts'
import { ownerOfKey } from '../../workers/placement.ts'

export interface KeptAppend {
  readonly key: number
  readonly records: Buffer
  readonly options: AppendOptions
  readonly done: AppendDone
}

export interface KeptRead {
  readonly request: ReadRequest
  readonly done: (results: readonly ReadResult[]) => void
  cancelled: boolean
  expired: boolean
}

export class FakeRouter {
  readonly shard = 0
  readonly shards: number
  readonly appends: KeptAppend[] = []
  readonly reads: KeptRead[] = []
  readonly called: { shard: number; name: string; request: unknown }[] = []
  /** Answers to calls, by name. */
  readonly answers: Partial<Record<keyof AllCalls, (request: never, shard: number) => unknown>> = {}
  onAppend: ((append: KeptAppend) => void) | null = null
  onFlush: (() => void) | null = null
  pressed = false
  onRead: ((read: KeptRead) => void) | null = null
  metadata: MetadataImage = emptyImage('clusterclusterclustercl', 1)

  constructor(shards = 1) {
    this.shards = shards
  }

  image(): MetadataImage {
    return this.metadata
  }

  onImage(): void {}

  onPressure(): void {}

  onAdopt(): void {}

  adoptConnection(): Promise<boolean> {
    return Promise.resolve(false)
  }

  flush(): void {
    this.onFlush?.()
  }

  ownerOf(key: number): number {
    return ownerOfKey(key, this.shards)
  }

  append(key: number, records: Buffer, options: AppendOptions, done: AppendDone): void {
    const kept = { key, records, options, done }
    this.appends.push(kept)
    this.onAppend?.(kept)
  }

  read(request: ReadRequest, done: KeptRead['done']): ReadHandle {
    const kept: KeptRead = { request, done, cancelled: false, expired: false }
    this.reads.push(kept)
    this.onRead?.(kept)
    return {
      cancel: () => {
        kept.cancelled = true
      },
      expire: () => {
        kept.expired = true
      },
    }
  }

  async call<Req, Res>(shard: number, op: CallOp<Req, Res>, request: Req): Promise<Res> {
    this.called.push({ shard, name: op.name, request })
    const answer = this.answers[op.name]
    if (answer === undefined) throw new Error(`no answer to ${op.name} prepared`)
    return answer(request as never, shard) as Res
  }

  addTopic(name: string, ordinal: number, partitions: number, internal = false): TopicImage {
    const topic: TopicImage = {
      name,
      topicId: Buffer.alloc(16, ordinal + 1).toString('base64url'),
      ordinal,
      internal,
      partitions: Array.from({ length: partitions }, (_, index) => ({ index, leaderEpoch: 4 })),
      configs: new Map(),
    }
    this.metadata = withTopics(this.metadata, [topic])
    return topic
  }
}
