import { MessageChannel } from 'node:worker_threads'
import { describe, expect, it, vi } from 'vitest'
import { Doorbell, newWakeWords, type WakeSignal } from '../../workers/wake.ts'
import { AtomicsSignal, atomicsSignalAvailable } from '../../workers/wake-atomics.ts'
import { PortSignal } from '../../workers/wake-port.ts'
import { newGroup } from '../support/shard-group.ts'

interface Bells {
  readonly bells: readonly Doorbell[]
  readonly signals: readonly WakeSignal[]
}

function bellsOver(words: SharedArrayBuffer, signals: readonly WakeSignal[]): Bells {
  return { signals, bells: signals.map((signal, shard) => new Doorbell(words, shard, signal)) }
}

const ways: { readonly name: string; readonly make: () => Bells }[] = [
  {
    name: 'Atomics.waitAsync',
    make: () => {
      const words = newWakeWords(2)
      return bellsOver(words, [new AtomicsSignal(words, 0), new AtomicsSignal(words, 1)])
    },
  },
  {
    name: 'message ports',
    make: () => {
      const { port1, port2 } = new MessageChannel()
      const signals = [new PortSignal([null, port1]), new PortSignal([port2, null])]
      return bellsOver(newWakeWords(2), signals)
    },
  },
]

/** Signals cross the event loop; this waits for one, or gives up after some turns of it. */
async function signalled(signal: WakeSignal): Promise<boolean> {
  let rang = false
  signal.onSignal = () => {
    rang = true
  }
  for (let i = 0; i < 50 && !rang; i++) await new Promise((resolve) => setTimeout(resolve, 2))
  return rang
}

for (const { name, make } of ways)
  describe(`a bell with signals by ${name}`, () => {
    it('wakes a shard that rests, once per rest', async () => {
      const { bells, signals } = make()
      bells[1]!.announceRest()
      expect(bells[1]!.rest()).toBe(true)
      bells[0]!.ring(1)
      bells[0]!.ring(1)
      expect(await signalled(signals[1]!)).toBe(true)
      expect(bells[0]!.signalsSent).toBe(1)
      for (const signal of signals) signal.close()
    })

    it('sends nothing to a shard that is awake', () => {
      const { bells, signals } = make()
      bells[0]!.ring(1)
      bells[1]!.announceRest()
      bells[1]!.stayAwake()
      bells[0]!.ring(1)
      expect(bells[0]!.signalsSent).toBe(0)
      for (const signal of signals) signal.close()
    })

    it('does not let a shard miss a ring between announcing its rest and resting', async () => {
      const { bells, signals } = make()
      bells[1]!.announceRest()
      bells[0]!.ring(1)
      // Either it is told at once to look again, or the signal is on its way.
      const resting = bells[1]!.rest()
      if (resting) expect(await signalled(signals[1]!)).toBe(true)
      for (const signal of signals) signal.close()
    })

    it('is heard no more once closed', async () => {
      const { bells, signals } = make()
      bells[1]!.announceRest()
      bells[1]!.rest()
      signals[1]!.close()
      bells[0]!.ring(1)
      expect(await signalled(signals[1]!)).toBe(false)
      signals[0]!.close()
    })
  })

describe('resting', () => {
  it('is possible by Atomics.waitAsync on every runtime we support', () => {
    expect(atomicsSignalAvailable()).toBe(true)
  })

  it('announces itself before it looks for work the last time, and looks at all lanes', () => {
    const group = newGroup(3)
    const accesses: string[] = []
    const spies = (['store', 'load', 'compareExchange'] as const).map((name) => {
      const original = Atomics[name] as (...parameters: unknown[]) => unknown
      return vi.spyOn(Atomics, name).mockImplementation((...parameters: unknown[]) => {
        const words = parameters[0] as Int32Array
        accesses.push(`${name} ${words.length === 48 ? 'word' : 'ring'}`)
        return original.apply(Atomics, parameters) as never
      })
    })
    group.links[0]!.exchange.start()
    group.queue.runAll()
    for (const spy of spies) spy.mockRestore()
    // Nothing is there: four tails looked at, rest announced, four tails looked at again.
    const looks = ['load ring', 'load ring', 'load ring', 'load ring']
    expect(accesses).toEqual([...looks, 'store word', ...looks])
  })
})
