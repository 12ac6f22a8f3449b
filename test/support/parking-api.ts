/** Handlers for tests of connections: Produce that parks until told, Heartbeat, ApiVersions. */
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../engine/protocol/12-heartbeat.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../engine/protocol/18-api-versions.ts'
import type { Handler, HotHandler, RequestContext } from '../../net/handler.ts'
import type { Reply, ReplyBody, ReplyOutput } from '../../net/reply.ts'
import { requestFrame } from './connection-rig.ts'

/** A reply of `bytes` filler bytes. */
export class FillerBody implements ReplyBody {
  readonly recordBytes = 0
  readonly uncached = false
  released = 0
  readonly bytes: number
  constructor(bytes = 0) {
    this.bytes = bytes
  }
  encode(output: ReplyOutput): void {
    output.writer.append(Buffer.alloc(this.bytes, 7))
  }
  release(): void {
    this.released++
  }
}

interface Started {
  readonly context: RequestContext
  readonly request: ProduceRequest
  readonly reply: Reply
}

/** Produce as a hot API that parks until told; Heartbeat as a cold one; ApiVersions for edges. */
export class ParkingApi {
  readonly started: Started[] = []
  readonly cold: {
    correlationId: number
    answer: (code?: number) => void
    fail: (e: Error) => void
  }[] = []
  /** Called when something starts. */
  wake: (() => void) | null = null
  autoProduce = false
  autoCold = true
  throwing: Error | null = null
  /** What a produce request is said to use. */
  keys: number[] = []

  readonly produce: HotHandler<ProduceRequest> = {
    apiKey: 0,
    versions: [3, 13],
    advertised: [0, 13],
    pipelined: true,
    keepsRequestBytes: true,
    request: ProduceRequest,
    response: ProduceResponse,
    start: (context, request, reply) => {
      this.started.push({ context, request, reply })
      if (this.autoProduce) reply.send(new FillerBody())
      this.wake?.()
    },
    keysOf: () => this.keys,
  }

  readonly heartbeat: Handler<HeartbeatRequest, HeartbeatResponse> = {
    apiKey: 12,
    versions: [0, 4],
    pipelined: false,
    request: HeartbeatRequest,
    response: HeartbeatResponse,
    handle: (context) => {
      if (this.throwing !== null) throw this.throwing
      if (this.autoCold) return { errorCode: 0 }
      return new Promise((resolve, reject) => {
        this.cold.push({
          correlationId: context.correlationId,
          answer: (code = 0) => resolve({ errorCode: code }),
          fail: reject,
        })
        this.wake?.()
      })
    },
  }

  readonly apiVersions: Handler<ApiVersionsRequest, ApiVersionsResponse> = {
    apiKey: 18,
    versions: [0, 4],
    pipelined: false,
    request: ApiVersionsRequest,
    response: ApiVersionsResponse,
    handle: () => ({ errorCode: 0, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] }),
  }

  get handlers() {
    return [this.produce, this.heartbeat, this.apiVersions]
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
      this.wake = null
    }
  }

  replyTo(correlationId: number): Reply {
    const found = this.started.find((each) => each.context.correlationId === correlationId)
    if (found === undefined) throw new Error(`request ${correlationId} did not start`)
    return found.reply
  }
}

export const produce = (correlationId: number, bytes = 20, version = 9): Buffer =>
  requestFrame(ProduceRequest, version, correlationId, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 1_000,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: Buffer.alloc(bytes, 1) }] }],
  })

export const heartbeat = (correlationId: number): Buffer =>
  requestFrame(HeartbeatRequest, 4, correlationId, {
    groupId: 'g',
    generationId: 1,
    memberId: 'm',
    groupInstanceId: null,
  })
