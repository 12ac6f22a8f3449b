/**
 * A tool whose code is loaded when it runs, so that the many names cost the others nothing at start.
 */
import type { CommandIo } from './io.ts'
import type { KafkaTool } from './kafka-tools.ts'

type Run = KafkaTool['run']

export function lazyTool(name: string, load: () => Promise<Run>): KafkaTool {
  return { name, run: async (args: readonly string[], io: CommandIo) => (await load())(args, io) }
}
