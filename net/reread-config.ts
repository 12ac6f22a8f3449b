/**
 * SIGHUP: what a configuration that was read again changes in a broker that runs. Options that can
 * change at run time (DynamicBrokerConfig's, see engine/base/config-dynamic.ts) take effect, below what
 * AlterConfigs set; the others keep their value and are told to need a restart.
 *
 * differs from Kafka: a Kafka broker ends at SIGHUP.
 */
import { brokerOptions, camelCase } from '../engine/base/config.ts'
import { changesAtRunTime } from '../engine/base/config-dynamic.ts'
import {
  type ConfigValue,
  isSensitive,
  type Option,
  valueText,
} from '../engine/base/config-option.ts'
import type { LoadedConfig } from './server-properties.ts'

export interface Reread {
  /** The static settings from now on: those that need a restart are still the old ones. */
  readonly settings: ReadonlyMap<string, string>
  /** `name old → new`, one per option that changes now. */
  readonly changed: readonly string[]
  /** The same of options that differ from the start and stay as they were. */
  readonly restart: readonly string[]
}

/** A configuration, and what to show of values with references in them. */
export type KnownConfig = Pick<LoadedConfig, 'config' | 'written'>

/** `started` is what the broker began with, `before` what was read the last time. */
export function rereadConfig(started: KnownConfig, before: KnownConfig, next: KnownConfig): Reread {
  const settings = new Map<string, string>()
  const changed: string[] = []
  const restart: string[] = []
  for (const [name, option] of brokerOptions) {
    const live = option.support !== 'served' || changesAtRunTime(name, option)
    const text = (live ? next : started).config.settings.get(name)
    if (text !== undefined) settings.set(name, text)
    if (option.support !== 'served') continue
    const old = live ? before : started
    if (textOf(old, name, option) === textOf(next, name, option)) continue
    const line = `${name} ${shown(old, name, option)} → ${shown(next, name, option)}`
    if (live) changed.push(line)
    else restart.push(line)
  }
  return { settings, changed, restart }
}

function textOf({ config }: KnownConfig, name: string, option: Option): string | null {
  const fields: { readonly [field: string]: unknown } = { ...config }
  // Every served option has its field, with a value of its type.
  return valueText(option.type, fields[camelCase(name)] as ConfigValue)
}

function shown(from: KnownConfig, name: string, option: Option): string {
  const written = from.written.get(name)
  if (written !== undefined) return written
  if (isSensitive(option)) return '[hidden]'
  const text = textOf(from, name, option)
  return text === null ? 'unset' : text === '' ? 'empty' : text
}
