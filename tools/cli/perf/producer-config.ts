/** Settings of Kafka's Java producer by their names, as far as the tools' own producer knows them. */
import { Codec, codecByName } from '../../../engine/record/compression.ts'
import { KafkaToolExit } from '../kafka/flags.ts'
import type { PipelineOptions } from './pipelined-producer.ts'

/** Throws KafkaToolExit with the setting's name; settings without a counterpart are passed over. */
export function pipelineOptions(config: ReadonlyMap<string, string>): PipelineOptions {
  return {
    acks: acksOf(config.get('acks') ?? 'all'),
    codec: codecOf(config.get('compression.type') ?? 'none'),
    batchBytes: whole(config, 'batch.size', 16_384),
    lingerMs: whole(config, 'linger.ms', 5),
    inFlight: Math.max(1, whole(config, 'max.in.flight.requests.per.connection', 5)),
    requestTimeoutMs: whole(config, 'request.timeout.ms', 30_000),
    deliveryTimeoutMs: whole(config, 'delivery.timeout.ms', 120_000),
  }
}

export function acksOf(text: string): -1 | 0 | 1 {
  const known: Readonly<Record<string, -1 | 0 | 1>> = { all: -1, '-1': -1, '0': 0, '1': 1 }
  const acks = known[text]
  if (acks !== undefined) return acks
  throw new KafkaToolExit(
    `Invalid value ${text} for configuration acks: String must be one of: all, -1, 0, 1`,
  )
}

function codecOf(name: string): Codec {
  const codec = codecByName(name)
  if (codec !== null) return codec
  throw new KafkaToolExit(
    `Invalid value ${name} for configuration compression.type: use one of ` +
      Object.keys(Codec).join(', '),
  )
}

/** A setting that is a whole number. */
export function whole(config: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const text = config.get(name)
  if (text === undefined) return fallback
  const value = Number(text)
  if (/^\d+$/.test(text.trim()) && Number.isSafeInteger(value)) return value
  throw new KafkaToolExit(
    `Invalid value ${text} for configuration ${name}: Not a number of type INT`,
  )
}
