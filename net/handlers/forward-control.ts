/** Sends a control request to shard 0 and takes its answer: the way of every change to topics. */
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import type { Infer, InferInput, Message } from '../../engine/schema/fields.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { calls } from '../../workers/messages.ts'
import type { RequestContext } from '../handler.ts'

const CONTROL_SHARD = 0
const CREATE_TOPICS_VERSION = 7

/** Runs the request on shard 0 in the given version (default: that of the request being served). */
export async function forwardControl<Req extends Message, Res extends Message>(
  context: RequestContext,
  request: Req,
  response: Res,
  body: InferInput<Req>,
  apiVersion = context.apiVersion,
): Promise<Infer<Res>> {
  const writer = new Writer()
  encoderFor(request, apiVersion)(writer, body)
  const answer = await context.router.call(CONTROL_SHARD, calls.control, {
    partition: 0,
    apiKey: request.apiKey,
    apiVersion,
    clientId: context.clientId,
    clientHost: context.connection.clientHost,
    body: writer.take(),
  })
  return decoderFor(response, apiVersion)(new Reader(answer.body))
}

/**
 * Creates topics with the broker's defaults; those of its own topics are special. What cannot be created
 * is simply not there afterwards.
 */
export async function createWithDefaults(
  context: RequestContext,
  names: readonly string[],
): Promise<void> {
  const topics = names.map((name) => ({
    name,
    numPartitions: -1,
    replicationFactor: -1,
    assignments: [],
    configs: [],
  }))
  await forwardControl(
    context,
    CreateTopicsRequest,
    CreateTopicsResponse,
    { topics },
    CREATE_TOPICS_VERSION,
  )
}
