/**
 * UnregisterBroker, v0. Forgets a broker that is gone; the only one there is runs, and others are not
 * registered.
 *
 * differs from Kafka: a broker that runs is not unregistered (Kafka forgets it, and it serves on without
 * being part of its cluster until it is restarted).
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  UnregisterBrokerRequest,
  UnregisterBrokerResponse,
} from '../../engine/protocol/64-unregister-broker.ts'
import type { Handler } from '../handler.ts'

export const unregisterBrokerHandler: Handler<UnregisterBrokerRequest, UnregisterBrokerResponse> = {
  apiKey: 64,
  versions: [0, 0],
  pipelined: false,
  request: UnregisterBrokerRequest,
  response: UnregisterBrokerResponse,
  handle(context, { brokerId }) {
    if (brokerId !== context.router.image().brokerId)
      return {
        throttleTimeMs: 0,
        errorCode: ErrorCode.BROKER_ID_NOT_REGISTERED,
        errorMessage: `Broker ID ${brokerId} is not currently registered`,
      }
    return {
      throttleTimeMs: 0,
      errorCode: ErrorCode.INVALID_REQUEST,
      errorMessage:
        `Broker ${brokerId} runs and is the only one of its cluster: it cannot be unregistered. ` +
        'To take it out of service, stop it.',
    }
  },
}
