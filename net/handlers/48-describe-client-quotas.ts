/**
 * DescribeClientQuotas, v0–v1. v1 flexible. Answered from this shard's image.
 *
 * An entity matches when every component of the filter does: exact name, the default of its kind
 * (match type 1), or any, the default among them (2); with `strict` it has no other
 * component. No component and not strict: everything. Words and codes as recorded from Kafka 4.2 in
 * test/golden-data/quota-answers.jsonl; entries come in the order of their making, Kafka's in none.
 */
import { ApiError, ErrorCode } from '../../engine/base/errors.ts'
import type { ClientQuota, QuotaEntity } from '../../engine/metadata/client-quotas.ts'
import {
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
} from '../../engine/protocol/48-describe-client-quotas.ts'
import type { Handler } from '../handler.ts'

type Component = DescribeClientQuotasRequest['components'][number]

const MATCH_EXACT = 0
const MATCH_DEFAULT = 1
const MATCH_SPECIFIED = 2

export const describeClientQuotasHandler: Handler<
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse
> = {
  apiKey: 48,
  versions: [0, 1],
  pipelined: false,
  request: DescribeClientQuotasRequest,
  response: DescribeClientQuotasResponse,
  handle(context, { components, strict }) {
    checkFilter(components)
    const quotas = [...context.router.image().clientQuotas.values()]
    return {
      errorCode: ErrorCode.NONE,
      // Kafka's encoding of no message, here alone.
      errorMessage: '',
      entries: quotas
        .filter(({ entity }) => matches(entity, components, strict))
        .map(({ entity, values }: ClientQuota) => ({
          entity: componentsOf(entity).map(([entityType, entityName]) => ({
            entityType,
            entityName,
          })),
          values: [...values].map(([key, value]) => ({ key, value })),
        })),
    }
  },
  failed: (_request, errorCode, errorMessage) => ({ errorCode, errorMessage, entries: null }),
}

function checkFilter(components: readonly Component[]): void {
  for (const { matchType, match } of components) {
    if (matchType === MATCH_EXACT && match === null)
      refuse('Request specified MATCH_TYPE_EXACT, but set match string to null.')
    if (matchType === MATCH_DEFAULT && match !== null)
      refuse('Request specified MATCH_TYPE_DEFAULT, but also specified a match string.')
    if (matchType === MATCH_SPECIFIED && match !== null)
      refuse('Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.')
    if (matchType < MATCH_EXACT || matchType > MATCH_SPECIFIED)
      refuse(`Unknown match type ${matchType}`)
  }
  const seen = new Set<string>()
  for (const { entityType } of components) {
    if (entityType === '') refuse('Invalid empty entity type.')
    if (!['user', 'client-id', 'ip'].includes(entityType))
      throw new ApiError(ErrorCode.UNSUPPORTED_VERSION, `Unsupported entity type ${entityType}`)
    if (seen.has(entityType))
      refuse(`Entity type ${entityType} cannot appear more than once in the filter.`)
    seen.add(entityType)
  }
  if (seen.has('ip') && seen.size > 1)
    refuse(
      'Invalid entity filter component combination. IP filter component should not be used with ' +
        'user or clientId filter component.',
    )
}

function refuse(message: string): never {
  throw new ApiError(ErrorCode.INVALID_REQUEST, message)
}

function componentsOf(entity: QuotaEntity): (readonly [type: string, name: string | null])[] {
  const { user, clientId, ip } = entity
  const components: (readonly [string, string | null])[] = []
  if (clientId !== undefined) components.push(['client-id', clientId])
  if (user !== undefined) components.push(['user', user])
  if (ip !== undefined) components.push(['ip', ip])
  return components
}

function matches(entity: QuotaEntity, filter: readonly Component[], strict: boolean): boolean {
  const components = new Map(componentsOf(entity))
  if (strict && components.size !== filter.length) return false
  return filter.every(({ entityType, matchType, match }) => {
    const name = components.get(entityType)
    if (name === undefined) return false
    if (matchType === MATCH_DEFAULT) return name === null
    return matchType === MATCH_SPECIFIED || name === match
  })
}
