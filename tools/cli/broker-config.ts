/** The configuration a broker is to start with, every mistake told at once. */
import { type LoadedConfig, loadBrokerConfig } from '../../net/server-properties.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'

export interface ServeRequest {
  /** server.properties, or null for the defaults. */
  readonly file: string | null
  /** `name=value`, in order. */
  readonly overrides: readonly string[]
}

/** Reads file, environment and overrides; never rejects. */
export function loadConfig(request: ServeRequest, io: CommandIo): Promise<LoadedConfig> {
  return loadBrokerConfig({
    file: request.file,
    overrides: request.overrides,
    environment: io.env,
    workingFolder: io.cwd,
  })
}

/** The same, refused when there is a mistake in it. */
export async function brokerConfig(request: ServeRequest, io: CommandIo): Promise<LoadedConfig> {
  const loaded = await loadConfig(request, io)
  refuseMistakes(loaded.errors)
  return loaded
}

function refuseMistakes(errors: readonly string[]): void {
  if (errors.length === 0) return
  throw new CommandFailure(
    ExitCode.usage,
    `the configuration has ${errors.length === 1 ? 'a mistake' : `${errors.length} mistakes`}`,
    errors.join('\n        '),
    'correct it in the properties file, the environment or --override, then start again',
  )
}
