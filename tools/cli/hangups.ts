/**
 * SIGHUP while a broker runs: the configuration is read again from its file and the environment, what
 * can change takes effect, and the log says what changed, what needs a restart, or what is wrong with
 * it; with a mistake in it nothing changes at all.
 */

import type { Logger } from '../../engine/base/logger.ts'
import { OneAtATime } from '../../engine/base/one-at-a-time.ts'
import type { Broker } from '../../net/broker.ts'
import { type KnownConfig, rereadConfig } from '../../net/reread-config.ts'
import type { LoadedConfig } from '../../net/server-properties.ts'
import type { ServiceManager } from './service-manager.ts'

export interface HangupPorts {
  readonly broker: Pick<Broker, 'reread'>
  readonly started: KnownConfig
  readonly logger: Logger
  readonly manager: Pick<ServiceManager, 'reloading' | 'reloaded'>
  load(): Promise<LoadedConfig>
}

export class Hangups {
  private readonly ports: HangupPorts
  /** The one under way and the one that waits. */
  private readonly turns = new OneAtATime(2, 'hang-ups')
  private before: KnownConfig
  private waiting = false

  constructor(ports: HangupPorts) {
    this.ports = ports
    this.before = ports.started
  }

  /** Several that come while one is under way count as one. */
  async handle(): Promise<void> {
    if (this.waiting) return
    this.waiting = true
    await this.turns.run(async () => {
      this.waiting = false
      const { manager, logger } = this.ports
      manager.reloading()
      await this.reread().catch((error: unknown) => {
        logger.error(`SIGHUP: ${error instanceof Error ? error.message : String(error)}`)
      })
      manager.reloaded()
    })
  }

  private async reread(): Promise<void> {
    const { logger, started, broker } = this.ports
    const next = await this.ports.load()
    if (next.errors.length > 0) {
      for (const error of next.errors) logger.error(`SIGHUP: nothing is changed: ${error}`)
      return
    }
    const { settings, changed, restart } = rereadConfig(started, this.before, next)
    if (changed.length > 0) await broker.reread(settings)
    this.before = next
    for (const line of changed) logger.info(`SIGHUP: changed ${line}`)
    for (const line of restart) logger.warn(`SIGHUP: needs a restart: ${line}`)
    if (changed.length + restart.length === 0) logger.info('SIGHUP: the configuration is the same')
  }
}
