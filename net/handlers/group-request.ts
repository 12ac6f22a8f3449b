/**
 * What the handlers of group APIs share: each request, or piece of one, goes to the shard that owns
 * the partition of __consumer_offsets its group hashes to, and is decided there by the group
 * coordinator (engine/coordinator/group). While that topic does not exist, nobody coordinates: 16
 * (NOT_COORDINATOR), as in Kafka; clients then ask FindCoordinator, which creates it.
 *
 * differs from Kafka: before __consumer_offsets exists a request is answered so whatever it says, where
 * Kafka checks some of it first.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { refuseGroupRequest } from '../../engine/coordinator/group/refuse.ts'
import type {
  GroupApiKey,
  GroupApis,
  GroupRequest,
} from '../../engine/coordinator/group/requests.ts'
import { groupPartition, type Part } from '../../engine/coordinator/group/split.ts'
import { partitionKey, type TopicImage } from '../../engine/metadata/image.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import type { AnyMessage, Loose } from '../../engine/schema/fields.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { calls } from '../../workers/messages.ts'
import type { Handler, RequestContext } from '../handler.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

interface GroupApiTables<Key extends GroupApiKey> {
  readonly apiKey: Key
  readonly versions: readonly [min: number, max: number]
  readonly request: AnyMessage
  readonly response: AnyMessage
}

type RequestOf<Key extends GroupApiKey> = GroupApis[Key]['request']
type ResponseOf<Key extends GroupApiKey> = GroupApis[Key]['response']

/** A request that is about one group. */
export function oneGroupHandler<Key extends GroupApiKey>(
  api: GroupApiTables<Key> & { groupIdOf(request: RequestOf<Key>): string },
): Handler<RequestOf<Key>, ResponseOf<Key>> {
  return manyGroupsHandler({
    ...api,
    split: (request, _apiVersion, partitions) => [
      { partition: groupPartition(api.groupIdOf(request), partitions), request },
    ],
    merge: (_request, _apiVersion, responses) => responses[0] as ResponseOf<Key>,
  })
}

/** A request about several groups, or all of them: split by partition, answered, put together. */
export function manyGroupsHandler<Key extends GroupApiKey>(
  api: GroupApiTables<Key> & {
    split(
      request: RequestOf<Key>,
      apiVersion: number,
      partitions: number,
    ): readonly Part<RequestOf<Key>>[]
    merge(
      request: RequestOf<Key>,
      apiVersion: number,
      responses: readonly ResponseOf<Key>[],
    ): ResponseOf<Key>
    /** The answer while the topic does not exist; otherwise the API's form of error 16. */
    whileMissing?(): ResponseOf<Key>
  },
): Handler<RequestOf<Key>, ResponseOf<Key>> {
  const { apiKey, versions, request: requestTable, response: responseTable } = api
  const refuse = (request: RequestOf<Key>, errorCode: number, apiVersion: number) =>
    refused(apiKey, request, errorCode, apiVersion)
  return {
    apiKey,
    versions,
    pipelined: false,
    request: requestTable,
    response: responseTable,

    async handle(context, request) {
      const { apiVersion } = context
      const topic = context.router.image().topics.get(OFFSETS_TOPIC)
      if (topic === undefined)
        return loose(api.whileMissing?.() ?? refuse(request, ErrorCode.NOT_COORDINATOR, apiVersion))
      const parts = api.split(request, apiVersion, topic.partitions.length)
      const responses = await Promise.all(parts.map((part) => ask(context, api, topic, part)))
      return loose(api.merge(request, apiVersion, responses))
    },

    failed: (request, errorCode, _message, apiVersion) =>
      loose(refuse(request, errorCode, apiVersion)),
  }
}

async function ask<Key extends GroupApiKey>(
  context: RequestContext,
  api: GroupApiTables<Key>,
  topic: TopicImage,
  part: Part<RequestOf<Key>>,
): Promise<ResponseOf<Key>> {
  const { apiVersion, clientId, connection, router } = context
  const writer = new Writer()
  const encode = encoderFor(api.request, apiVersion) as (writer: Writer, value: object) => void
  encode(writer, part.request)
  const owner = router.ownerOf(partitionKey(topic.ordinal, part.partition))
  const { body } = await router.call(owner, calls.coordinate, {
    partition: part.partition,
    apiKey: api.apiKey,
    apiVersion,
    clientId,
    // Kafka shows Java's form of an address, "/127.0.0.1", in group descriptions.
    clientHost: `/${connection.clientHost}`,
    body: writer.take(),
  })
  return decoderFor(api.response, apiVersion)(new Reader(body)) as ResponseOf<Key>
}

function refused<Key extends GroupApiKey>(
  apiKey: Key,
  body: RequestOf<Key>,
  errorCode: number,
  apiVersion: number,
): ResponseOf<Key> {
  // The key says which request this is; the compiler cannot follow it here.
  const request = { apiKey, apiVersion, client: { clientId: null, host: '' }, body } as GroupRequest
  return refuseGroupRequest(request, errorCode) as ResponseOf<Key>
}

/** A decoded response is a loose one; generic over the API the compiler cannot see it. */
function loose<Response>(response: Response): Loose<Response> {
  return response as Loose<Response>
}
