/**
 * InitProducerId, v0–v5. v2 flexible, v3 id and epoch to go on with (KIP-360), v4 PRODUCER_FENCED,
 * v5 TRANSACTION_ABORTABLE. Without a transactional id: a fresh id, epoch 0, whatever came with it;
 * id and epoch must be given both or not at all.
 *
 * differs from Kafka: transactions are not served yet. A transactional id is refused with
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which every client takes as final, where an error of a
 * missing coordinator would make it retry for ever.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  InitProducerIdRequest,
  InitProducerIdResponse,
} from '../../engine/protocol/22-init-producer-id.ts'
import type { Handler } from '../handler.ts'

export const initProducerIdHandler: Handler<InitProducerIdRequest, InitProducerIdResponse> = {
  apiKey: 22,
  versions: [0, 5],
  pipelined: false,
  request: InitProducerIdRequest,
  response: InitProducerIdResponse,

  async handle({ producerIds }, request) {
    const { transactionalId, producerId, producerEpoch } = request
    const oneAlone = (producerId === -1) !== (producerEpoch === -1)
    if (oneAlone || transactionalId === '') return refused(ErrorCode.INVALID_REQUEST)
    if (transactionalId !== null) return refused(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    return { errorCode: ErrorCode.NONE, producerId: await producerIds.next(), producerEpoch: 0 }
  },

  failed: (_request, errorCode) => refused(errorCode),
}

function refused(errorCode: number) {
  return { errorCode, producerId: -1, producerEpoch: -1 }
}
