/**
 * References in option values: `${provider:path:key}` and `${provider:key}`, wherever they stand in a
 * value (KIP-297, KIP-421; the pattern of ConfigTransformer).
 *
 *   ${env:NAME}         a variable of the environment            EnvVarConfigProvider    (KIP-887)
 *   ${file:/path:key}   a key of a properties file               FileConfigProvider
 *   ${dir:/path:name}   the whole content of one file in a folder  DirectoryConfigProvider (KIP-632)
 *
 * The three work without config.providers; where it is set, its names for these three classes work
 * too, with their allowed.paths and allowlist.pattern. What a reference led to may be a secret: no
 * message holds it, and `hidden` is what to pass every further message through.
 */
import { readFile } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { promisify } from 'node:util'

export interface ReferenceSources {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Relative paths start here. */
  readonly workingFolder: string
  /** Keys and values of a properties file; rejects with the system's error. */
  readonly propertiesOf: (path: string) => Promise<ReadonlyMap<string, string>>
}

export interface ResolvedEntries {
  readonly entries: ReadonlyMap<string, string>
  /** Options whose value holds what a reference led to, as they were written. */
  readonly written: ReadonlyMap<string, string>
  /** The text with every resolved value in it put back to its reference. */
  hidden(text: string): string
}

type Kind = 'env' | 'file' | 'dir'

interface Provider {
  readonly kind: Kind
  readonly allowedPaths: readonly string[] | null
  readonly allowedNames: RegExp | null
}

interface Reference {
  readonly whole: string
  readonly provider: string
  readonly path: string | null
  readonly key: string
}

const REFERENCE = /\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}/g

const CLASSES: Readonly<Record<string, Kind>> = {
  'org.apache.kafka.common.config.provider.EnvVarConfigProvider': 'env',
  'org.apache.kafka.common.config.provider.FileConfigProvider': 'file',
  'org.apache.kafka.common.config.provider.DirectoryConfigProvider': 'dir',
}

/**
 * Replaces what can be; the rest is told in `errors`, each once, and left out, and so are the settings
 * of the providers themselves.
 */
export async function resolveReferences(
  entries: ReadonlyMap<string, string>,
  sources: ReferenceSources,
  errors: string[],
): Promise<ResolvedEntries> {
  const providers = providersOf(entries, errors)
  const reader = new ReferenceReader(sources)
  const resolved = new Map<string, string>()
  const written = new Map<string, string>()
  const secrets = new Map<string, string>()
  for (const [name, value] of entries) {
    // Used up here: an advice to remove them would be wrong.
    if (/^config\.providers(\.|$)/.test(name)) continue
    const found = new Map<string, string>()
    let complete = true
    for (const reference of referencesIn(value)) {
      const outcome = await reader.read(reference, providers.get(reference.provider))
      if ('problem' in outcome) {
        errors.push(`${name} refers to ${reference.whole}, ${outcome.problem}`)
        complete = false
        continue
      }
      found.set(reference.whole, outcome.value)
      // Messages about lists show one element, those about names its capitals.
      for (const part of [outcome.value, ...outcome.value.split(',')])
        for (const shown of [part.trim(), part.trim().toUpperCase()])
          if (shown !== '') secrets.set(shown, reference.whole)
    }
    // An option whose reference leads nowhere is reported once, not again for its value.
    if (!complete) continue
    if (found.size > 0) written.set(name, value)
    resolved.set(
      name,
      value.replace(REFERENCE, (whole) => found.get(whole) ?? whole),
    )
  }
  return { entries: resolved, written, hidden: (text) => hide(text, secrets) }
}

/** Longest first, so that a secret that holds another one does not leave its end behind. */
function hide(text: string, secrets: ReadonlyMap<string, string>): string {
  let shown = text
  for (const [secret, whole] of [...secrets].sort(([a], [b]) => b.length - a.length))
    shown = shown.replaceAll(secret, () => whole)
  return shown
}

function referencesIn(value: string): Reference[] {
  return [...value.matchAll(REFERENCE)].map(([whole, provider = '', path, key = '']) => ({
    whole,
    provider,
    path: path ?? null,
    key,
  }))
}

/** The three by their usual names, and what config.providers calls them. */
function providersOf(
  entries: ReadonlyMap<string, string>,
  errors: string[],
): ReadonlyMap<string, Provider> {
  const providers = new Map<string, Provider>()
  for (const kind of ['env', 'file', 'dir'] as const)
    providers.set(kind, { kind, allowedPaths: null, allowedNames: null })
  for (const name of (entries.get('config.providers') ?? '')
    .split(',')
    .map((part) => part.trim())) {
    if (name === '') continue
    const option = `config.providers.${name}`
    const kind = CLASSES[entries.get(`${option}.class`)?.trim() ?? '']
    if (kind === undefined) {
      errors.push(
        `config.providers names ${name}, and ${option}.class is none of the providers built in: ` +
          `${Object.keys(CLASSES).join(', ')}`,
      )
      continue
    }
    const paths = entries.get(`${option}.param.allowed.paths`)
    const names = entries.get(`${option}.param.allowlist.pattern`)
    providers.set(name, {
      kind,
      allowedPaths: paths === undefined ? null : paths.split(',').map((path) => path.trim()),
      allowedNames: names === undefined ? null : patternOf(option, names, errors),
    })
  }
  return providers
}

function patternOf(option: string, pattern: string, errors: string[]): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch {
    // What is wrong with it matters less than where it stands.
    errors.push(`${option}.param.allowlist.pattern is no regular expression`)
    return /^$/
  }
}

type Outcome = { readonly value: string } | { readonly problem: string }

/** Reads each properties file once. */
class ReferenceReader {
  private readonly sources: ReferenceSources
  private readonly files = new Map<string, ReadonlyMap<string, string>>()

  constructor(sources: ReferenceSources) {
    this.sources = sources
  }

  async read(reference: Reference, provider: Provider | undefined): Promise<Outcome> {
    const { path, key } = reference
    if (provider === undefined)
      return {
        problem: 'which is neither an env:NAME, a file:/path:key nor a dir:/path:name reference',
      }
    if (provider.kind === 'env') return this.readVariable(provider, path, key)
    if (path === null || path === '')
      return { problem: `which lacks a path: write ${provider.kind}:/path:${key}` }
    const absolute = resolve(this.sources.workingFolder, path)
    if (provider.allowedPaths?.some((allowed) => isBelow(absolute, resolve(allowed))) === false)
      return { problem: 'a path outside the allowed.paths of its provider' }
    try {
      if (provider.kind === 'file') return await this.readKey(absolute, key)
      if (key === '' || key === '.' || key === '..' || key.includes('/'))
        return { problem: 'which names no file directly in that folder' }
      return { value: await promisify(readFile)(join(absolute, key), 'utf8') }
    } catch (error) {
      return { problem: `which cannot be read: ${reasonOf(error)}` }
    }
  }

  private readVariable(provider: Provider, path: string | null, key: string): Outcome {
    if (path !== null && path !== '')
      return { problem: 'but a variable has no path: write env:NAME' }
    if (provider.allowedNames?.test(key) === false)
      return { problem: 'a variable outside the allowlist.pattern of its provider' }
    const value = this.sources.environment[key]
    return value === undefined ? { problem: 'a variable that is not set' } : { value }
  }

  private async readKey(path: string, key: string): Promise<Outcome> {
    let keys = this.files.get(path)
    if (keys === undefined) {
      keys = await this.sources.propertiesOf(path)
      this.files.set(path, keys)
    }
    const value = keys.get(key)
    return value === undefined ? { problem: 'a key that is not in that file' } : { value }
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/** The system's code: its message would repeat the path. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? String(error.code) : error.message
}
