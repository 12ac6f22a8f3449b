/** The configuration a broker is to start with, every mistake told at once. */
import type { BrokerConfig } from '../../engine/base/config.ts'
import { loadBrokerConfig } from '../../net/server-properties.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'

export interface ServeRequest {
  /** server.properties, or null for the defaults. */
  readonly file: string | null
  /** `name=value`, in order. */
  readonly overrides: readonly string[]
  readonly logFormat: 'text' | 'json'
}

/** Reads and checks file, environment and overrides; warnings go to stderr. */
export async function brokerConfig(request: ServeRequest, io: CommandIo): Promise<BrokerConfig> {
  const { config, warnings, errors } = await loadBrokerConfig({
    file: request.file,
    overrides: request.overrides,
    environment: io.env,
    workingFolder: io.cwd,
  })
  for (const warning of warnings) io.stderr.write(`warning: ${warning}\n`)
  if (errors.length > 0)
    throw new CommandFailure(
      ExitCode.usage,
      `the configuration has ${errors.length === 1 ? 'a mistake' : `${errors.length} mistakes`}`,
      errors.join('; '),
      'correct it in the properties file, the environment or --override, then start again',
    )
  return config
}
