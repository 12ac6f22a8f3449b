/** Option tables for docs/configure.md, from the tables the broker itself reads. */
import { brokerOptions } from '../../engine/base/config.ts'
import { clusterOptions } from '../../engine/base/config-broker-cluster.ts'
import { coordinatorOptions } from '../../engine/base/config-broker-coordinators.ts'
import { logOptions } from '../../engine/base/config-broker-log.ts'
import { securityOptions } from '../../engine/base/config-broker-security.ts'
import { serverOptions } from '../../engine/base/config-broker-server.ts'
import { sluiceOptions } from '../../engine/base/config-broker-sluice.ts'
import { changesAtRunTime } from '../../engine/base/config-dynamic.ts'
import { type Option, type OptionTable, valueText } from '../../engine/base/config-option.ts'
import { type TopicOption, topicOptions } from '../../engine/base/config-topic.ts'
import { code, type Generated, table } from './page.ts'

const GROUPS: readonly (readonly [string, OptionTable])[] = [
  ["Sluice's own", sluiceOptions],
  ['Identity, listeners, connections', serverOptions],
  ['Logs', logOptions],
  ['Groups, offsets, transactions', coordinatorOptions],
  ['Cluster', clusterOptions],
  ['Security', securityOptions],
]

export function configurePage(): Generated {
  return new Map([
    ['broker-options', servedBrokerOptions()],
    ['topic-options', servedTopicOptions()],
    ['ignored-options', ignoredOptions()],
    ['refused-options', refusedOptions()],
  ])
}

function servedBrokerOptions(): string {
  return GROUPS.flatMap(([title, options]) => {
    const rows = inOrder(options).filter(([, option]) => option.support === 'served')
    if (rows.length === 0) return []
    return [`### ${title}\n\n${optionTable(rows)}`]
  }).join('\n\n')
}

function optionTable(rows: readonly (readonly [string, Option])[]): string {
  return table(
    ['Option', 'Type', 'Default', 'Valid', 'At run time', 'What it does'],
    rows.map(([name, option]) => [
      code(name),
      option.type,
      defaultText(option),
      code(option.rule?.text ?? ''),
      changesAtRunTime(name, option) ? option.update : '',
      option.text,
    ]),
  )
}

function servedTopicOptions(): string {
  const rows = Object.entries<TopicOption>(topicOptions)
    .filter(([, option]) => option.support === 'served')
    .sort(byName)
  return table(
    ['Option', 'Type', 'Default', 'Valid', 'Default comes from', 'What it does'],
    rows.map(([name, option]) => [
      code(name),
      option.type,
      defaultText(option),
      code(option.rule?.text ?? ''),
      option.brokerNames.map(code).join(', '),
      option.text,
    ]),
  )
}

/** By reason, since whole families share one. */
function ignoredOptions(): string {
  const byReason = new Map<string, string[]>()
  const all = [...brokerOptions, ...Object.entries<Option>(topicOptions)].sort(byName)
  for (const [name, option] of all) {
    if (option.support !== 'ignored') continue
    byReason.set(option.text, [...(byReason.get(option.text) ?? []), name])
  }
  return table(
    ['Why', 'Options'],
    [...byReason].map(([reason, names]) => [reason, [...new Set(names)].map(code).join(' ')]),
  )
}

function refusedOptions(): string {
  const all = [...brokerOptions, ...Object.entries<Option>(topicOptions)].sort(byName)
  return table(
    ['Option', 'Only accepted as', 'Why'],
    all
      .filter(([, option]) => option.support === 'refused')
      .map(([name, option]) => [code(name), defaultText(option), option.text]),
  )
}

function defaultText(option: Option): string {
  const text = valueText(option.type, option.default)
  return text === null ? 'none' : text === '' ? 'empty' : code(text)
}

function inOrder(options: OptionTable): (readonly [string, Option])[] {
  return Object.entries(options).sort(byName)
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0
}
