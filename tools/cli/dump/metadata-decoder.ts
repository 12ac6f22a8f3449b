/** `--cluster-metadata-decoder`: values of the metadata log as JSON (ClusterMetadataLogMessageParser). */
import { MalformedRequest } from '../../../engine/base/errors.ts'
import type { StoredRecord } from '../../../engine/record/iterate.ts'
import { decoderFor } from '../../../engine/schema/codec.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { jsonText, messageJson } from './message-json.ts'
import { metadataRecords } from './metadata-schemas.ts'
import type { DecodedRecord } from './record-decoders.ts'

const FRAME_VERSION = 1

export function clusterMetadataDecoder({ key, value, offset }: StoredRecord): DecodedRecord {
  const shownKey = key === null ? null : key.toString()
  if (value === null) return { key: shownKey, payload: null }
  try {
    return { key: shownKey, payload: payloadText(value) }
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error
    return { key: shownKey, payload: `Error at ${offset}, skipping. ${error.message}` }
  }
}

function payloadText(value: Buffer): string {
  const reader = new Reader(value)
  const frame = reader.unsignedVarint()
  if (frame !== FRAME_VERSION) throw new MalformedRequest(`unknown frame version ${frame}`)
  const type = reader.unsignedVarint()
  const version = reader.unsignedVarint()
  const known = metadataRecords.get(type)
  if (known === undefined) throw new MalformedRequest(`unknown record type ${type}`)
  const [name, schema] = known
  if (version > schema.maxVersion)
    throw new MalformedRequest(`unknown version ${version} of ${schema.name}`)
  const data = messageJson(schema, version, decoderFor(schema, version)(reader))
  return jsonText({ type: name, version, data })
}
