import { describe, expect, it } from 'vitest'
import type { GroupOutcome } from '../../../../engine/coordinator/group/env.ts'
import { GroupTurns } from '../../../../engine/coordinator/group/group-turns.ts'
import type { GroupRequest } from '../../../../engine/coordinator/group/requests.ts'
import { type MachineContext, nothing } from '../../../../engine/coordinator/state-machine.ts'

const REQUEST = {
  apiKey: 12,
  apiVersion: 4,
  client: { clientId: null, host: '' },
  body: { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null },
} as unknown as GroupRequest

/** A decision that writes; its `settled` comes when the test says so. */
const writing = (): GroupOutcome => ({
  records: [{ key: Buffer.from('k'), value: Buffer.from('v') }],
  replay: true,
  response: null,
  settled: null,
})

function rig() {
  const begun: GroupOutcome[] = []
  const context = { run: (outcome: GroupOutcome) => void begun.push(outcome) }
  const turns = new GroupTurns(context as unknown as MachineContext<never>)
  const decided: string[] = []
  return {
    turns,
    begun,
    decided,
    take: (name: string, decide: () => GroupOutcome) =>
      turns.take(
        'g',
        REQUEST,
        () => {
          decided.push(name)
          return decide()
        },
        () => {},
      ),
    follow: (name: string, decide: () => GroupOutcome) =>
      turns.follow('g', () => {
        decided.push(name)
        return decide()
      }),
  }
}

describe('turns of a group', () => {
  it('what follows a decision comes when that is written, before requests that came meanwhile', () => {
    const { take, follow, decided } = rig()
    const first = take('join', () => {
      follow('match', nothing)
      return writing()
    })
    take('ack', nothing)
    expect(decided).toEqual(['join'])
    first.settled?.(0)
    expect(decided).toEqual(['join', 'match', 'ack'])
  })

  it('what follows a decision that writes nothing comes at once, and others wait for what it writes', () => {
    const { take, follow, decided, begun, turns } = rig()
    take('beat', () => {
      follow('match', writing)
      return nothing()
    })
    expect(decided).toEqual(['beat', 'match'])
    take('ack', nothing)
    expect(decided).toEqual(['beat', 'match'])
    begun[0]?.settled?.(0)
    expect(decided).toEqual(['beat', 'match', 'ack'])
    expect(turns.isBusy('g')).toBe(false)
  })

  it('a group that is held stays so, whatever is decided without a write', () => {
    const { take, decided, turns } = rig()
    take('delete', () => {
      turns.hold('g')
      return nothing()
    })
    take('beat', nothing)
    expect([decided, turns.isBusy('g')]).toEqual([['delete'], true])
    turns.release('g')
    expect([decided, turns.isBusy('g')]).toEqual([['delete', 'beat'], false])
  })
})
