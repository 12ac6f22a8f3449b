/**
 * Compiles a message in a version to an encoder or decoder, on first use, with `new Function`: as
 * fast as code written by hand, from one table. Each carries a sourceURL
 * (`protocol/ProduceRequest.v9.decode.js`), so profiles and stacks name it.
 */
import { assert } from '../base/assert.ts'
import type { Infer, InferInput, Message } from './fields.ts'
import { readAt, writeAt } from './fixed.ts'
import { decoderText } from './generate-decoder.ts'
import { encoderText } from './generate-encoder.ts'
import { layoutOf } from './layout.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** Writes `value` behind what `writer` holds. A value the version cannot carry asserts. */
export type Encoder<I> = (writer: Writer, value: I) => void

/**
 * Reads one value and leaves the reader behind it; MalformedRequest for bytes that are none. Bytes
 * and records are views into the reader's buffer. Structs that were absent are frozen defaults.
 */
export type Decoder<T> = (reader: Reader) => T

const EMPTY_BYTES = Buffer.alloc(0)

/** The encoder of a message in a version it has. */
export function encoderFor<M extends Message>(message: M, version: number): Encoder<InferInput<M>> {
  const compiled = message.encoders[version] ?? compileEncoder(message, version)
  return compiled as Encoder<InferInput<M>>
}

/** The decoder of a message in a version it has. */
export function decoderFor<M extends Message>(message: M, version: number): Decoder<Infer<M>> {
  const compiled = message.decoders[version] ?? compileDecoder(message, version)
  return compiled as Decoder<Infer<M>>
}

function compileEncoder(message: Message, version: number): Encoder<unknown> {
  const text = encoderText(layoutOf(message, version))
  const compiled: Encoder<unknown> = new Function(
    'EMPTY_BYTES',
    'writeAt',
    'refuse',
    `${text}\n//# sourceURL=protocol/${message.name}.v${version}.encode.js`,
  )(EMPTY_BYTES, writeAt, refuse)
  message.encoders[version] = compiled
  return compiled
}

function compileDecoder(message: Message, version: number): Decoder<unknown> {
  const text = decoderText(layoutOf(message, version))
  const compiled: Decoder<unknown> = new Function(
    'EMPTY_BYTES',
    'readAt',
    `${text}\n//# sourceURL=protocol/${message.name}.v${version}.decode.js`,
  )(EMPTY_BYTES, readAt)
  message.decoders[version] = compiled
  return compiled
}

/** Called by generated code where a value cannot be said in the version at hand. */
function refuse(what: string): never {
  assert(false, what)
}
