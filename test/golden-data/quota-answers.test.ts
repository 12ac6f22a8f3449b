/**
 * What a real Kafka 4.2 answered to the corner requests about quotas (quota-answers.jsonl, made by
 * test/interop/record-quota-answers.ts), compared with ours, case by case and in order. Only the order
 * of entries and values is left out: Kafka's is that of a hash map.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { describeClientQuotasHandler } from '../../net/handlers/48-describe-client-quotas.ts'
import { alterClientQuotasHandler } from '../../net/handlers/49-alter-client-quotas.ts'
import { type QuotaCase, quotaCases } from '../interop/quota-cases.ts'
import { type ControlRig, controlRig } from '../support/control-rig.ts'
import { restarted } from '../support/controller-rig.ts'

interface Recorded {
  readonly name: string
  readonly response: { readonly entries: readonly object[] | null; readonly errorCode?: number }
}

const recorded = readFileSync(new URL('./quota-answers.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded)

function ask(rig: ControlRig, { apiKey, version, request }: QuotaCase): Promise<object> {
  return apiKey === 48
    ? rig.ask(describeClientQuotasHandler, version, request)
    : rig.ask(alterClientQuotasHandler, version, request)
}

/** Comparable: numbers JSON cannot say as text, lists in the order of their text. */
function settled(response: object): unknown {
  const text = JSON.stringify(response, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  )
  return JSON.parse(text, (_, value: unknown) =>
    Array.isArray(value)
      ? [...value].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : value,
  )
}

describe('quotas', () => {
  it('are set, refused and described as by a real Kafka, in every recorded case', async () => {
    const rig = await controlRig()
    expect(recorded.map(({ name }) => name)).toEqual(quotaCases.map(({ name }) => name))
    for (const [at, quotaCase] of quotaCases.entries()) {
      const ours = settled(await ask(rig, quotaCase))
      expect(ours, quotaCase.name).toEqual(settled(recorded[at]?.response ?? {}))
    }
    expect(quotaCases.length).toBeGreaterThan(100)
  })

  it('are the same after a restart, infinite values among them', async () => {
    const rig = await controlRig()
    for (const quotaCase of quotaCases) if (quotaCase.apiKey === 49) await ask(rig, quotaCase)
    const before = rig.controller.image.clientQuotas
    const after = (await restarted(rig)).controller.image.clientQuotas
    expect(before.size).toBeGreaterThan(20)
    expect(after).toEqual(before)
  })
})
