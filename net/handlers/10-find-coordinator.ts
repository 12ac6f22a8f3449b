/**
 * FindCoordinator, v0–v6. v1 key type, v4 many keys, v6 share groups. On one node this broker
 * coordinates every group; __consumer_offsets is created when the first group asks.
 *
 * differs from Kafka: transactional ids (key type 1) and share partitions (2) are refused, since
 * neither is served yet, with TRANSACTIONAL_ID_AUTHORIZATION_FAILED and GROUP_AUTHORIZATION_FAILED:
 * clients take these as final and show them, where they would ask for a missing coordinator for ever.
 * Kafka waits for as many brokers as offsets.topic.replication.factor says; here one is enough.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { GROUP_METADATA_TOPIC } from '../../engine/metadata/topic-name.ts'
import {
  FindCoordinatorRequest,
  FindCoordinatorResponse,
} from '../../engine/protocol/10-find-coordinator.ts'
import type { Handler, RequestContext } from '../handler.ts'
import { createWithDefaults } from './forward-control.ts'

const KEY_TYPE_GROUP = 0
const KEY_TYPE_TRANSACTION = 1
const KEY_TYPE_SHARE = 2
const SHARE_SINCE = 6
const MANY_KEYS_SINCE = 4

type CoordinatorAnswer = FindCoordinatorResponse['coordinators'][number]

export const findCoordinator: Handler<FindCoordinatorRequest, FindCoordinatorResponse> = {
  apiKey: 10,
  versions: [0, 6],
  pipelined: false,
  request: FindCoordinatorRequest,
  response: FindCoordinatorResponse,
  async handle(context, request) {
    const many = context.apiVersion >= MANY_KEYS_SINCE
    const keys = many ? request.coordinatorKeys : [request.key]
    const problem = await coordinatorProblem(context, request.keyType)
    const answers = keys.map((key) => answerFor(context, key, problem))
    const first = answers[0]
    return {
      throttleTimeMs: 0,
      errorCode: first?.errorCode ?? ErrorCode.NONE,
      errorMessage: first?.errorMessage ?? null,
      nodeId: first?.nodeId ?? -1,
      host: first?.host ?? '',
      port: first?.port ?? -1,
      coordinators: many ? answers : [],
    }
  },
}

interface Problem {
  readonly errorCode: number
  readonly errorMessage: string
}

/** Null when groups can be coordinated here; the internal topic exists then. */
async function coordinatorProblem(
  context: RequestContext,
  keyType: number,
): Promise<Problem | null> {
  if (keyType === KEY_TYPE_GROUP) return ensureOffsetsTopic(context)
  if (keyType === KEY_TYPE_TRANSACTION)
    return {
      errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      errorMessage: 'Transactions are not served by this broker yet.',
    }
  if (keyType === KEY_TYPE_SHARE && context.apiVersion >= SHARE_SINCE)
    return {
      errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED,
      errorMessage: 'Share groups are not served by this broker yet.',
    }
  return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: `Unknown key type ${keyType}.` }
}

async function ensureOffsetsTopic(context: RequestContext): Promise<Problem | null> {
  if (context.router.image().topics.has(GROUP_METADATA_TOPIC)) return null
  try {
    await createWithDefaults(context, [GROUP_METADATA_TOPIC])
  } catch (error) {
    context.logger.warn(`${GROUP_METADATA_TOPIC} could not be created: ${error}`)
  }
  if (context.router.image().topics.has(GROUP_METADATA_TOPIC)) return null
  return {
    errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    errorMessage: `The topic ${GROUP_METADATA_TOPIC} could not be created.`,
  }
}

function answerFor(
  context: RequestContext,
  key: string,
  problem: Problem | null,
): CoordinatorAnswer {
  if (problem !== null) return { key, nodeId: -1, host: '', port: -1, ...problem }
  const { host, port } = context.connection.advertised
  return {
    key,
    nodeId: context.router.image().brokerId,
    host,
    port,
    errorCode: ErrorCode.NONE,
    errorMessage: context.apiVersion < MANY_KEYS_SINCE ? 'NONE' : '',
  }
}
