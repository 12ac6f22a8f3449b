/**
 * Where broker options come from: a server.properties file, the environment, `--override
 * name=value`; later ones win. What they mean is engine/base/config.ts.
 *
 *   file         Java's properties format; of a name that comes twice the last one counts.
 *   environment  Kafka's container images: KAFKA_NUM_PARTITIONS is num.partitions; `__` stands for `_`
 *                and `___` for `-`. CLUSTER_ID is sluice.cluster.id.
 *   values       ${env:NAME}, ${file:/path:key} and ${dir:/path:name} are replaced, see
 *                property-references.ts.
 *
 * differs from Kafka: a name in the file or on the command line that is no option stops the start, where
 * Kafka passes over it; references need no config.providers.
 *
 * A variable of an unknown name is a warning, not an error: environments carry KAFKA_ variables
 * that are meant for others. What references lead to is in no message: they may be secrets.
 */
import { readFile } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'dot-properties'
import { brokerOptions, type ParsedConfig, parseBrokerConfig } from '../engine/base/config.ts'
import { nearestName, retiredOption } from '../engine/base/config-names.ts'
import { resolveReferences } from './property-references.ts'

export interface PropertySources {
  /** Path of a server.properties; null: none. */
  readonly file: string | null
  readonly environment: Readonly<Record<string, string | undefined>>
  /** `name=value`, in order. */
  readonly overrides: readonly string[]
  /** Relative paths (the file, data folders) start here. */
  readonly workingFolder: string
}

export interface LoadedConfig extends ParsedConfig {
  /** Options with references in their values, as they were written: for showing. */
  readonly written: ReadonlyMap<string, string>
}

/** Reads all sources; data folders come out absolute. Never rejects: see `errors`. */
export async function loadBrokerConfig(sources: PropertySources): Promise<LoadedConfig> {
  const errors: string[] = []
  const warnings: string[] = []
  const entries = new Map<string, string>()
  if (sources.file !== null) {
    const path = resolve(sources.workingFolder, sources.file)
    for (const [name, value] of await serverProperties(path, errors)) entries.set(name, value)
  }
  for (const [name, value] of fromEnvironment(sources.environment, warnings))
    entries.set(name, value)
  for (const [name, value] of fromOverrides(sources.overrides, errors)) entries.set(name, value)
  const resolved = await resolveReferences(entries, { ...sources, propertiesOf }, errors)
  const parsed = parseBrokerConfig(resolved.entries)
  const dataFolders = parsed.config.dataFolders.map((path) => resolve(sources.workingFolder, path))
  const twice = dataFolders.find((folder, at) => dataFolders.indexOf(folder) < at)
  if (twice !== undefined) errors.push(`log.dirs names ${twice} twice: name each folder once`)
  return {
    config: { ...parsed.config, dataFolders },
    warnings: [...warnings, ...parsed.warnings.map(resolved.hidden)],
    errors: [...errors, ...parsed.errors.map(resolved.hidden)],
    written: resolved.written,
  }
}

async function serverProperties(path: string, errors: string[]): Promise<Map<string, string>> {
  try {
    return await propertiesOf(path)
  } catch (error) {
    errors.push(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`)
    return new Map()
  }
}

async function propertiesOf(path: string): Promise<Map<string, string>> {
  return parseProperties(await promisify(readFile)(path, 'utf8'))
}

/** Java's properties format. Trailing blanks of values go, as Kafka's parser drops them later. */
export function parseProperties(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of Object.entries(parse(text))) {
    if (typeof value === 'string') values.set(name, value.trimEnd())
  }
  return values
}

/** Variables of Kafka's start scripts and images, which are no options. */
const NOT_OPTIONS: ReadonlySet<string> = new Set([
  'KAFKA_CLUSTERS_ID',
  'KAFKA_DEBUG',
  'KAFKA_GC_LOG_OPTS',
  'KAFKA_HEAP_OPTS',
  'KAFKA_HOME',
  'KAFKA_JMX_HOSTNAME',
  'KAFKA_JMX_OPTS',
  'KAFKA_JMX_PORT',
  'KAFKA_JVM_PERFORMANCE_OPTS',
  'KAFKA_LOG4J_LOGGERS',
  'KAFKA_LOG4J_OPTS',
  'KAFKA_LOG4J_ROOT_LOGLEVEL',
  'KAFKA_LOG_DIR_PATH',
  'KAFKA_MODE',
  'KAFKA_OPTS',
  'KAFKA_TOOLS_LOG4J_LOGLEVEL',
  'KAFKA_USER',
  'KAFKA_VERSION',
])

const PREFIX = 'KAFKA_'

/** `KAFKA_A_B__C___D` → `a.b_c-d`; one widespread image writes KAFKA_CFG_ in front. */
export function optionOfVariable(variable: string): string {
  return variable
    .replace(/^KAFKA_(CFG_)?/, '')
    .toLowerCase()
    .replace(/_{1,3}/g, (run) => (run.length === 1 ? '.' : run.length === 2 ? '_' : '-'))
}

function fromEnvironment(
  environment: PropertySources['environment'],
  warnings: string[],
): Map<string, string> {
  const entries = new Map<string, string>()
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined) continue
    if (variable === 'CLUSTER_ID') entries.set('sluice.cluster.id', value)
    if (!variable.startsWith(PREFIX) || NOT_OPTIONS.has(variable)) continue
    const name = optionOfVariable(variable)
    if (brokerOptions.has(name) || retiredOption(name) !== null) entries.set(name, value)
    else warnings.push(unknownVariable(variable, name))
  }
  return entries
}

function unknownVariable(variable: string, name: string): string {
  const nearest = nearestName(name, brokerOptions.keys())
  const advice = nearest === null ? 'it is not used' : `did you mean ${nearest}?`
  return `the environment variable ${variable} stands for ${name}, which is no option: ${advice}`
}

function fromOverrides(overrides: readonly string[], errors: string[]): Map<string, string> {
  const entries = new Map<string, string>()
  for (const override of overrides) {
    const at = override.indexOf('=')
    if (at > 0) entries.set(override.slice(0, at).trim(), override.slice(at + 1).trim())
    else errors.push(`--override takes name=value, not ${override}`)
  }
  return entries
}
