/** `sluice quota list|set|unset`: how much clients may do, by user, client id or address. */
import type { Command } from 'commander'
import type { Client } from '../../../net/client/client.ts'
import type { OwnCommand } from '../commands.ts'
import { addConnectFlags, type ConnectFlags, keyValues, withClient } from '../connect-options.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import type { QuotaEntity, QuotaEntityType } from '../quota-admin.ts'
import type { Renderer, Row } from '../render.ts'

interface QuotaFlags extends ConnectFlags {
  readonly user?: string
  readonly client?: string
  readonly ip?: string
}

const DEFAULT = 'default'
const KEYS = [
  ...['producer_byte_rate', 'consumer_byte_rate', 'request_percentage', 'controller_mutation_rate'],
  'connection_creation_rate',
]
const ABOUT =
  `the name '${DEFAULT}' stands for all of a kind that have none of their own; quotas are\n` +
  `${KEYS.slice(0, 4).join(', ')},\nand of addresses ${KEYS[4]}`

export const quotaCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    const quota = program.command('quota').description('limits of users, clients and addresses')
    const add = (words: string, about: string): Command =>
      addConnectFlags(quota.command(words).description(about))
        .option('--user <name>', 'of this user')
        .option('--client <id>', 'of this client id')
        .option('--ip <address>', 'of this address')
        .addHelpText('after', `\n${ABOUT}`)
    add('list', 'all quotas, or those of what is named').action((flags: QuotaFlags) =>
      withClient(flags, io, (client, renderer) => list(client, renderer, flags)),
    )
    add('set <quota=value...>', 'set quotas, all of them or none').action(
      (pairs: string[], flags: QuotaFlags) => {
        const changes = [...keyValues('set', pairs)].map(([key, text]): [string, number] => [
          quotaKey(key),
          quotaValue(key, text),
        ])
        return alter(flags, changes, io)
      },
    )
    add('unset <quota...>', 'take quotas away, all of them or none').action(
      (keys: string[], flags: QuotaFlags) =>
        alter(
          flags,
          keys.map((key): [string, null] => [quotaKey(key), null]),
          io,
        ),
    )
    return quota
  },
}

function quotaKey(key: string): string {
  if (KEYS.includes(key)) return key
  throw new CommandFailure(
    ExitCode.usage,
    `there is no quota '${key}'`,
    null,
    `use one of ${KEYS.join(', ')}`,
  )
}

function quotaValue(key: string, text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new CommandFailure(
    ExitCode.usage,
    `${key}=${text}: not a number above 0`,
    null,
    `write it as ${key}=1048576`,
  )
}

/** Whom the flags name; null stands for the default of a kind. */
function entityOf(flags: QuotaFlags): QuotaEntity {
  const named: readonly (readonly [QuotaEntityType, string | undefined])[] = [
    ['user', flags.user],
    ['client-id', flags.client],
    ['ip', flags.ip],
  ]
  const entity = new Map<QuotaEntityType, string | null>()
  for (const [kind, name] of named)
    if (name !== undefined) entity.set(kind, name === DEFAULT ? null : name)
  if (entity.has('ip') && entity.size > 1)
    throw new CommandFailure(
      ExitCode.usage,
      '--ip goes with neither --user nor --client',
      'an address is limited whoever connects from it',
      'use two commands',
    )
  return entity
}

async function list(client: Client, renderer: Renderer, flags: QuotaFlags): Promise<void> {
  const { describeQuotas } = await import('../quota-admin.ts')
  const entries = await describeQuotas(client, entityOf(flags), false)
  const rows = entries.flatMap(({ entity, values }) =>
    [...values].map(
      ([quota, value]): Row => ({
        user: nameIn(entity, 'user'),
        client: nameIn(entity, 'client-id'),
        ip: nameIn(entity, 'ip'),
        quota,
        value,
      }),
    ),
  )
  renderer.table(
    ['user', 'client', 'ip', 'quota', 'value'].map((key) => ({ key })),
    rows,
  )
}

function nameIn(entity: QuotaEntity, kind: QuotaEntityType): string | null {
  return entity.has(kind) ? (entity.get(kind) ?? DEFAULT) : null
}

async function alter(
  flags: QuotaFlags,
  changes: readonly (readonly [key: string, value: number | null])[],
  io: CommandIo,
): Promise<void> {
  const entity = entityOf(flags)
  if (entity.size === 0)
    throw new CommandFailure(
      ExitCode.usage,
      'nobody is named',
      null,
      `add --user, --client or --ip, each with a name or '${DEFAULT}'`,
    )
  const { RequestFailed } = await import('../../../net/client/client-errors.ts')
  const { alterQuotas } = await import('../quota-admin.ts')
  await withClient(flags, io, async (client, renderer) => {
    try {
      await alterQuotas(client, entity, changes)
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error
      throw new CommandFailure(
        ExitCode.failed,
        'the quotas were not changed',
        error.message,
        'see `sluice quota list` for those there are',
      )
    }
    for (const [key, value] of changes)
      io.stderr.write(value === null ? `unset ${key}\n` : `set ${key} to ${value}\n`)
    renderer.outcome(changes.map(([quota, value]) => ({ quota, value })))
  })
}
