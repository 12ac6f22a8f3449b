/**
 * AlterClientQuotas, v0–v1. v1 flexible. Decided by the controller on shard 0; answered once every
 * shard works by the new quotas. The rate measured so far is held against a new value at once.
 *
 * Host names of `ip` entities are looked up here first, as Kafka does: one that names no address is
 * refused. At most limits.hostLookupsMax of them in one request; further ones are refused too.
 */
import { isIP } from 'node:net'
import { ErrorCode } from '../../engine/base/errors.ts'
import { limits } from '../../engine/base/limits.ts'
import {
  AlterClientQuotasRequest,
  AlterClientQuotasResponse,
} from '../../engine/protocol/49-alter-client-quotas.ts'
import type { Handler } from '../handler.ts'
import { lookupName } from '../name-lookup.ts'
import { forwardControl } from './forward-control.ts'

type Entry = AlterClientQuotasRequest['entries'][number]

export const alterClientQuotasHandler: Handler<
  AlterClientQuotasRequest,
  AlterClientQuotasResponse
> = {
  apiKey: 49,
  versions: [0, 1],
  pipelined: false,
  request: AlterClientQuotasRequest,
  response: AlterClientQuotasResponse,
  async handle(context, request) {
    const unknown = await unknownHosts(request.entries)
    const entries = request.entries.filter((entry) => !unknown.has(hostOf(entry) ?? ''))
    const refused = request.entries.filter((entry) => unknown.has(hostOf(entry) ?? ''))
    const answer = await forwardControl(
      context,
      AlterClientQuotasRequest,
      AlterClientQuotasResponse,
      { ...request, entries },
    )
    return {
      ...answer,
      entries: [
        ...answer.entries,
        ...refused.map((entry) => ({
          errorCode: ErrorCode.INVALID_REQUEST,
          errorMessage: `${hostOf(entry)} is not a valid IP or resolvable host.`,
          entity: entry.entity,
        })),
      ],
    }
  },
  failed: (request, errorCode, errorMessage) => ({
    entries: request.entries.map(({ entity }) => ({ errorCode, errorMessage, entity })),
  }),
}

/** The host name of an entry about one, null for any other. */
function hostOf({ entity }: Entry): string | null {
  const [only] = entity
  if (entity.length !== 1 || only?.entityType !== 'ip') return null
  const host = only.entityName
  return host === null || host === '' || isIP(host) !== 0 ? null : host
}

async function unknownHosts(entries: readonly Entry[]): Promise<ReadonlySet<string>> {
  const hosts = new Set(entries.map(hostOf).filter((host) => host !== null))
  const unknown = new Set<string>([...hosts].slice(limits.hostLookupsMax))
  const checked = [...hosts].slice(0, limits.hostLookupsMax)
  const found = await Promise.allSettled(checked.map((host) => lookupName(host)))
  found.forEach(({ status }, at) => {
    if (status === 'rejected') unknown.add(checked[at] ?? '')
  })
  return unknown
}
