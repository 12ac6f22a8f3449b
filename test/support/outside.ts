/**
 * Tests that need programs which are no npm packages: Kafka's jars, kcat. They are a lane of their own
 * (test/outside), which .ci/run runs once it has installed them. What is missing is told in a skipped
 * test.
 */
import { describe, it } from 'vitest'
import { runCommand } from './child-processes.ts'
import { findKafkaJars, type KafkaJars } from './kafka-jars.ts'

/** `body` gets what was found; a string in its place says why there is nothing. */
export function describeWith<T extends object>(
  found: T | string,
  name: string,
  body: (found: T) => void,
): void {
  describe(name, () => {
    if (typeof found === 'string') it('all of it', (context) => context.skip(found))
    else body(found)
  })
}

let looked: Promise<KafkaJars | string> | null = null

export function kafkaJars(): Promise<KafkaJars | string> {
  looked ??= findKafkaJars()
  return looked
}

/** An empty object when there is a kcat. */
export async function kcat(): Promise<object | string> {
  const { code } = await runCommand('kcat', ['-V'], { limitMs: 10_000 })
  return code === 0 ? {} : 'kcat is not installed'
}
