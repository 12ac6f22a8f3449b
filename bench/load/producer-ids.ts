/** A producer id of its own for a connection that writes with sequence numbers. */
import { errorName } from '../../engine/base/errors.ts'
import {
  InitProducerIdRequest,
  InitProducerIdResponse,
} from '../../engine/protocol/22-init-producer-id.ts'
import type { Address } from '../../net/client/address.ts'
import { ClientConnection } from '../../net/client/client-connection.ts'
import type { ProducerMark } from '../../net/client/transaction-form.ts'

const TIMEOUT_MS = 30_000

/** Asks the broker for one. Rejects with its error code's name. */
export async function producerMark(address: Address): Promise<ProducerMark> {
  const options = { clientId: 'sluice-bench', timeoutMs: TIMEOUT_MS }
  const connection = await ClientConnection.connect(address, options)
  try {
    const answer = await connection.send(InitProducerIdRequest, InitProducerIdResponse, {
      transactionalId: null,
      transactionTimeoutMs: TIMEOUT_MS,
    })
    if (answer.errorCode !== 0)
      throw new Error(`the broker gives no producer id: ${errorName(answer.errorCode)}`)
    return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
  } finally {
    connection.close()
  }
}
