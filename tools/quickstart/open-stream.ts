/** What @platformatic/kafka wants done with its streams before anything else. */
import type { ConsumeOptions, Consumer, MessagesStream } from '@platformatic/kafka'

/**
 * Joins the group and resolves with the stream, `onError` listening from its first moment. The client
 * makes a stream also when it was closed while joining, and that one fails before a promise's
 * continuation runs: with nobody listening yet, the error would end the process.
 */
export function openStream<K, V, HK, HV>(
  consumer: Consumer<K, V, HK, HV>,
  options: ConsumeOptions<K, V, HK, HV>,
  onError: (error: Error) => void,
): Promise<MessagesStream<K, V, HK, HV>> {
  return new Promise((resolve, reject) => {
    consumer.consume(options, (error, stream) => {
      if (error) return reject(error)
      stream.on('error', onError)
      resolve(stream)
    })
  })
}
