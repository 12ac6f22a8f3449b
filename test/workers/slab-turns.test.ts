import { describe, expect, it } from 'vitest'
import { SlabTurns, type Waiter } from '../../workers/slab-turns.ts'
import type { Place } from '../../workers/waiting-line.ts'
import { seededRandom } from '../support/seeded-random.ts'

const BUDGET = { bytesMax: 256, smallBytesMax: 4, largeBytesMax: 128 }

/** Names those who were served, and lets them give back. */
class Desk {
  readonly turns = new SlabTurns(BUDGET)
  readonly served: string[] = []
  private readonly places = new Map<string, Place<Waiter>>()
  private readonly held = new Map<string, number>()

  ask(name: string, size: number): void {
    const served = (): void => {
      this.served.push(name)
      this.held.set(name, size)
      this.places.delete(name)
    }
    if (this.turns.take(size)) served()
    else this.places.set(name, this.turns.wait(size, served))
  }

  leave(...names: string[]): void {
    for (const name of names) {
      this.turns.leave(this.places.get(name)!)
      this.places.delete(name)
    }
  }

  waits(name: string): boolean {
    return this.places.has(name)
  }

  back(...names: string[]): void {
    for (const name of names) {
      const size = this.held.get(name)
      if (size === undefined) throw new Error(`${name} holds nothing`)
      this.held.delete(name)
      this.turns.giveBack(size)
    }
  }

  /** Takes all that may be taken in pieces of the largest small size. */
  fill(prefix: string): string[] {
    const names: string[] = []
    for (let at = 0; this.turns.take(4); at++) {
      names.push(`${prefix}${at}`)
      this.held.set(`${prefix}${at}`, 4)
    }
    return names
  }

  get holders(): string[] {
    return [...this.held.keys()]
  }
}

describe('small ones', () => {
  it('do not wait for large ones that wait for their share', () => {
    const desk = new Desk()
    for (let at = 0; at < 20; at++) desk.ask(`L${at}`, 64)
    for (let at = 0; at < 32; at++) desk.ask(`s${at}`, 4)
    expect(desk.served.length).toBe(2 + 32)
    expect(desk.turns.waiting).toBe(18)
    desk.ask('s32', 4)
    expect(desk.turns.waiting).toBe(19)
    desk.back('s7')
    expect(desk.served.at(-1)).toBe('s32')
  })

  it('are served in the order asked, a smaller one never first', () => {
    const desk = new Desk()
    const [first, second] = desk.fill('f')
    desk.ask('four', 4)
    desk.ask('one', 1)
    desk.back(first!)
    expect(desk.served).toEqual(['four'])
    desk.back(second!)
    expect(desk.served).toEqual(['four', 'one'])
  })

  it('may have the whole budget', () => {
    expect(new Desk().fill('f').length).toBe(64)
  })
})

describe('large ones', () => {
  it('are served in the order asked, within their share', () => {
    const desk = new Desk()
    desk.ask('a', 64)
    desk.ask('b', 32)
    desk.ask('c', 64)
    desk.ask('d', 8)
    expect(desk.served).toEqual(['a', 'b'])
    desk.back('b')
    expect(desk.served).toEqual(['a', 'b', 'c'])
    desk.back('a')
    expect(desk.served).toEqual(['a', 'b', 'c', 'd'])
  })

  it('do not starve: small ones that come after one is due go after it', () => {
    const desk = new Desk()
    const held = desk.fill('f')
    desk.ask('before', 4)
    desk.ask('L', 64)
    desk.ask('after', 4)
    expect(desk.turns.take(4)).toBe(false)
    desk.back(...held.slice(0, 1))
    expect(desk.served).toEqual(['before'])
    desk.back(...held.slice(1, 16))
    expect(desk.served).toEqual(['before'])
    desk.back(...held.slice(16, 17))
    expect(desk.served).toEqual(['before', 'L'])
    desk.back(...held.slice(17, 18))
    expect(desk.served).toEqual(['before', 'L', 'after'])
  })

  it('hold a small one up once at most', () => {
    const desk = new Desk()
    const held = desk.fill('f')
    desk.ask('L', 8)
    desk.ask('M', 8)
    desk.ask('s', 4)
    desk.back(...held.slice(0, 2))
    expect(desk.served).toEqual(['L'])
    desk.back(held[2]!)
    expect(desk.served).toEqual(['L', 's'])
    desk.back(...held.slice(3, 5))
    expect(desk.served).toEqual(['L', 's', 'M'])
  })
})

describe('one larger than the share', () => {
  it('waits for the large ones, then for the small ones, and is served alone of its kind', () => {
    const desk = new Desk()
    desk.ask('a', 64)
    desk.ask('s', 4)
    desk.ask('all', 256)
    desk.ask('b', 64)
    desk.ask('t', 4)
    expect(desk.served).toEqual(['a', 's', 't'])
    desk.back('a')
    desk.ask('u', 4)
    desk.back('s', 't')
    expect(desk.served).toEqual(['a', 's', 't', 'all'])
    desk.back('all')
    expect(desk.served).toEqual(['a', 's', 't', 'all', 'u', 'b'])
  })

  it('follows another one only after the small ones that waited', () => {
    const desk = new Desk()
    desk.ask('all', 256)
    desk.ask('all again', 256)
    desk.ask('s', 4)
    desk.back('all')
    expect(desk.served).toEqual(['all', 's'])
    desk.ask('t', 4)
    desk.back('s')
    expect(desk.served).toEqual(['all', 's', 'all again'])
  })
})

describe('memory is wanted back', () => {
  it('from small ones when it helps who waits, from large ones whoever waits', () => {
    const desk = new Desk()
    desk.ask('a', 64)
    desk.ask('b', 64)
    expect(desk.turns.wanted(64)).toBe(false)
    desk.ask('c', 64)
    expect(desk.turns.wanted(64)).toBe(true)
    expect(desk.turns.wanted(4)).toBe(false)
    const held = desk.fill('f')
    desk.ask('s', 1)
    expect(desk.turns.wanted(4)).toBe(true)
    desk.back(held[0]!)
    expect(desk.turns.wanted(4)).toBe(false)
    desk.back('a', 'b', 'c')
    desk.fill('g')
    desk.ask('d', 128)
    expect(desk.turns.wanted(4)).toBe(true)
  })
})

describe('who leaves the line', () => {
  it('makes way: those behind move up', () => {
    const desk = new Desk()
    desk.ask('a', 64)
    desk.ask('b', 64)
    for (let at = 0; at < 1_000; at++) desk.ask(`L${at}`, 64)
    desk.ask('M', 8)
    desk.leave(...Array.from({ length: 1_000 }, (_, at) => `L${(at * 7) % 1_000}`))
    expect(desk.turns.waiting).toBe(1)
    desk.back('a')
    expect(desk.served).toEqual(['a', 'b', 'M'])
  })

  it('serves those who waited for it alone, in the order asked', () => {
    const desk = new Desk()
    const [first] = desk.fill('f')
    desk.back(first!)
    desk.ask('all', 256)
    desk.ask('s', 2)
    desk.ask('t', 2)
    desk.ask('L', 8)
    expect(desk.served).toEqual([])
    desk.leave('all')
    expect(desk.served).toEqual(['s', 't'])
    desk.back('s', 't')
    desk.ask('u', 4)
    expect(desk.served).toEqual(['s', 't'])
    desk.leave('L')
    expect(desk.served).toEqual(['s', 't', 'u'])
  })
})

it('serves thousands that give back at once, one after the other', () => {
  const turns = new SlabTurns(BUDGET)
  let served = 0
  expect(turns.take(128)).toBe(true)
  for (let left = 100_000; left > 0; left--) {
    const back = (): void => {
      served++
      turns.giveBack(128)
    }
    turns.wait(128, back)
  }
  turns.giveBack(128)
  expect(served).toBe(100_000)
  expect(turns.usedBytes).toBe(0)
})

it('keeps its bounds and serves everybody, whatever comes and goes', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed)
    const desk = new Desk()
    const sizes = new Map<string, number>()
    for (let step = 0; step < 600; step++) {
      const { holders } = desk
      const waits = [...sizes.keys()].filter((name) => desk.waits(name))
      if (waits.length > 0 && random.chance(0.1)) {
        const name = waits[random.int(waits.length)]!
        desk.leave(name)
        sizes.delete(name)
      } else if (holders.length > 0 && random.chance(0.45))
        desk.back(holders[random.int(holders.length)]!)
      else {
        const size = 2 ** random.int(random.chance(0.5) ? 3 : 9)
        sizes.set(`${step}`, size)
        desk.ask(`${step}`, size)
      }
      const large = desk.holders.map((name) => sizes.get(name)!).filter((size) => size > 4)
      const together = large.reduce((sum, size) => sum + size, 0)
      if (desk.turns.usedBytes > BUDGET.bytesMax) expect.fail(`${desk.turns.usedBytes} are used`)
      if (large.length > 1 && together > BUDGET.largeBytesMax) expect.fail(`${large} are large`)
    }
    while (desk.holders.length > 0) desk.back(desk.holders[0]!)
    expect([desk.turns.waiting, desk.turns.usedBytes]).toEqual([0, 0])
    for (const kind of [(size: number) => size <= 4, (size: number) => size > 4]) {
      const order = desk.served.filter((name) => kind(sizes.get(name)!)).map(Number)
      expect(order).toEqual([...order].sort((a, b) => a - b))
    }
    expect(desk.served.length).toBe(sizes.size)
  }
})
