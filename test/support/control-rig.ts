/**
 * Handlers as one client of one broker sees them: answers through the response's bytes, control
 * requests run by a real controller on a simulated disk, its images in force in the router at once.
 */
import { type BrokerConfig, parseBrokerConfig } from '../../engine/base/config.ts'
import { effectiveConfig } from '../../engine/base/config-dynamic.ts'
import { ApiError, ErrorCode } from '../../engine/base/errors.ts'
import { runControlRequest } from '../../engine/coordinator/controller/control-requests.ts'
import { topicConfigEntries } from '../../engine/metadata/config-entries.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import type { Handler, RequestContext } from '../../net/handler.ts'
import { MemoryLogger } from './connection-rig.ts'
import { type ControllerRig, creation, newDisk, startController, topic } from './controller-rig.ts'
import { FakeRouter } from './fake-router.ts'

export const ADVERTISED = { host: '127.0.0.1', port: 29_193 }

export interface ControlRig extends ControllerRig {
  readonly router: FakeRouter
  readonly config: BrokerConfig
  readonly logger: MemoryLogger
  /** Creates topics with these numbers of partitions and options. */
  create(
    name: string,
    partitions: number,
    configs?: Readonly<Record<string, string>>,
  ): Promise<void>
  ask<Req extends object, Res extends object>(
    handler: Handler<Req, Res>,
    apiVersion: number,
    request: object,
  ): Promise<Res>
}

export async function controlRig(
  settings: Readonly<Record<string, string>> = {},
): Promise<ControlRig> {
  const started = await startController(await newDisk(), settings)
  const { controller } = started
  const { config } = parseBrokerConfig(new Map(Object.entries(settings)))
  const router = new FakeRouter()
  const logger = new MemoryLogger()
  router.metadata = controller.image
  started.onPublish = (image) => {
    router.metadata = image
  }
  const describe = (configs: ReadonlyMap<string, string>) =>
    topicConfigEntries({ config, dynamic: controller.image.dynamicConfigs }, configs)
  router.answers.control = async (request: Parameters<typeof runControlRequest>[2]) => ({
    body: await runControlRequest(controller, describe, request),
  })
  const contextOf = (apiVersion: number) =>
    ({
      apiVersion,
      clientId: 'c',
      config: effectiveConfig(config, router.metadata.dynamicConfigs),
      router,
      logger,
      clock: { monotonicMs: () => 1_000, wallMs: () => 1_700_000_000_000 },
      connection: { id: 1, clientHost: '10.0.0.9', listenerName: 'L', advertised: ADVERTISED },
    }) as unknown as RequestContext
  return {
    ...started,
    router,
    config,
    logger,
    async create(name, partitions, configs = {}) {
      const options = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
      const [result] = await controller.createTopics(
        creation([topic(name, { numPartitions: partitions, configs: options })]),
      )
      if (result?.errorCode !== ErrorCode.NONE) throw new Error(`${name}: ${result?.errorMessage}`)
    },
    ask: (handler, apiVersion, request) => ask(handler, contextOf(apiVersion), request),
  }
}

async function ask<Req extends object, Res extends object>(
  handler: Handler<Req, Res>,
  context: RequestContext,
  request: object,
): Promise<Res> {
  const { apiVersion } = context
  const response = await answerOf(handler, context, request as Req)
  const writer = new Writer()
  const encode = encoderFor(handler.response, apiVersion) as (w: Writer, value: object) => void
  encode(writer, response)
  return decoderFor(handler.response, apiVersion)(new Reader(writer.bytes())) as unknown as Res
}

/** As the dispatcher does: a refusal of the whole request is told by `failed`. */
async function answerOf<Req extends object, Res extends object>(
  handler: Handler<Req, Res>,
  context: RequestContext,
  request: Req,
): Promise<object> {
  try {
    return await handler.handle(context, request)
  } catch (error) {
    if (!(error instanceof ApiError) || handler.failed === undefined) throw error
    return handler.failed(request, error.code, error.message, context.apiVersion)
  }
}
