/** Client quotas over the own client: what `sluice quota` and kafka-configs share. */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
} from '../../engine/protocol/48-describe-client-quotas.ts'
import {
  AlterClientQuotasRequest,
  AlterClientQuotasResponse,
} from '../../engine/protocol/49-alter-client-quotas.ts'
import type { Client } from '../../net/client/client.ts'
import { RequestFailed } from '../../net/client/client-errors.ts'

export type QuotaEntityType = 'user' | 'client-id' | 'ip'

/** Who a quota is for: each kind named, or null for the default of the kind. */
export type QuotaEntity = ReadonlyMap<QuotaEntityType, string | null>

/** What to look for: undefined takes any name of the kind. Kinds left out must be absent. */
export type QuotaFilter = ReadonlyMap<QuotaEntityType, string | null | undefined>

export interface QuotaEntry {
  readonly entity: QuotaEntity
  readonly values: ReadonlyMap<string, number>
}

const EXACT = 0
const DEFAULT = 1
const ANY = 2

/** Those that match in every kind, and with `strict` have no other. */
export async function describeQuotas(
  client: Client,
  filter: QuotaFilter,
  strict = true,
): Promise<QuotaEntry[]> {
  const answer = await client.send(DescribeClientQuotasRequest, DescribeClientQuotasResponse, {
    components: [...filter].map(([entityType, name]) => ({
      entityType,
      matchType: name === undefined ? ANY : name === null ? DEFAULT : EXACT,
      match: name ?? null,
    })),
    strict,
  })
  if (answer.errorCode !== ErrorCode.NONE)
    throw new RequestFailed(answer.errorCode, answer.errorMessage)
  return (answer.entries ?? []).map(({ entity, values }) => ({
    entity: new Map(
      entity.map(({ entityType, entityName }) => [entityType as QuotaEntityType, entityName]),
    ),
    values: new Map(values.map(({ key, value }) => [key, value])),
  }))
}

/** Sets values, or removes those that are null: all of them, or none and RequestFailed. */
export async function alterQuotas(
  client: Client,
  entity: QuotaEntity,
  changes: Iterable<readonly [key: string, value: number | null]>,
): Promise<void> {
  const answer = await client.sendToController(
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    {
      entries: [
        {
          entity: [...entity].map(([entityType, entityName]) => ({ entityType, entityName })),
          ops: [...changes].map(([key, value]) => ({
            key,
            value: value ?? 0,
            remove: value === null,
          })),
        },
      ],
      validateOnly: false,
    },
  )
  for (const { errorCode, errorMessage } of answer.entries)
    if (errorCode !== ErrorCode.NONE) throw new RequestFailed(errorCode, errorMessage)
}
