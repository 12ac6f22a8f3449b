/** The words in which corner requests about options are written down, see admin-cases.ts. */

export interface AdminCase {
  readonly name: string
  readonly apiKey: number
  readonly version: number
  readonly request: Record<string, unknown>
}

export const TOPIC = 2
export const BROKER = 4
export const LOGGER = 8
export const METRICS = 16
export const GROUP = 32
export const SET = 0
export const DELETE = 1
export const APPEND = 2
export const SUBTRACT = 3

type Change = readonly [name: string, operation: number, value: string | null]
type Resource = readonly [type: number, name: string, ...changes: Change[]]

export function incremental(
  name: string,
  resources: readonly Resource[],
  validateOnly = false,
  version = 1,
): AdminCase {
  const request = {
    validateOnly,
    resources: resources.map(([resourceType, resourceName, ...changes]) => ({
      resourceType,
      resourceName,
      configs: changes.map(([option, configOperation, value]) => ({
        name: option,
        configOperation,
        value,
      })),
    })),
  }
  return { name: `incremental: ${name}`, apiKey: 44, version, request }
}

export function one(name: string, type: number, resource: string, ...changes: Change[]): AdminCase {
  return incremental(name, [[type, resource, ...changes]])
}

type Pair = readonly [name: string, value: string | null]

export function replace(
  name: string,
  resources: readonly (readonly [type: number, name: string, ...pairs: Pair[]])[],
  validateOnly = false,
  version = 2,
): AdminCase {
  const request = {
    validateOnly,
    resources: resources.map(([resourceType, resourceName, ...pairs]) => ({
      resourceType,
      resourceName,
      configs: pairs.map(([option, value]) => ({ name: option, value })),
    })),
  }
  return { name: `replace: ${name}`, apiKey: 33, version, request }
}

export function describe(
  name: string,
  type: number,
  resource: string,
  keys: readonly string[] | null,
): AdminCase {
  const request = {
    resources: [{ resourceType: type, resourceName: resource, configurationKeys: keys }],
    includeSynonyms: true,
    includeDocumentation: false,
  }
  return { name: `describe: ${name}`, apiKey: 32, version: 4, request }
}

export function list(name: string, version: number, resourceTypes: readonly number[]): AdminCase {
  return { name: `list: ${name}`, apiKey: 74, version, request: { resourceTypes } }
}
