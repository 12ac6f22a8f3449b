import { describe, expect, it } from 'vitest'
import { limits } from '../../../engine/base/limits.ts'
import { CoordinatorRuntime } from '../../../engine/coordinator/runtime.ts'
import {
  answer,
  type CoordinatorRecord,
  coordinatorError,
  type MachineContext,
  nothing,
  type Outcome,
  type Reply,
  type StateMachine,
} from '../../../engine/coordinator/state-machine.ts'
import { flush, VirtualHost } from '../../support/coordinator-host.ts'

const record = (text: string): CoordinatorRecord => ({ key: Buffer.from(text), value: null })

/** 'write x' appends x, 'park' waits, 'later' writes after 100 ms, anything else is echoed. */
class Echo implements StateMachine<string, string> {
  readonly replayed: [string, number, number][] = []
  readonly ended: [number, boolean][] = []
  readonly parked: Reply<string>[] = []
  readonly settledWith: number[] = []
  isLoaded = false
  readonly context: MachineContext<string>

  constructor(context: MachineContext<string>) {
    this.context = context
  }

  handle(request: string, reply: Reply<string>): Outcome<string> {
    if (request.startsWith('write '))
      return this.write(request.slice(6), `wrote ${request.slice(6)}`)
    if (request === 'later') {
      this.context.schedule(100, () => this.write('timed', null))
      return answer('scheduled')
    }
    if (request !== 'park') return answer(request)
    this.parked.push(reply)
    return nothing()
  }

  refuse(request: string, errorCode: number): string {
    return `${request}: ${errorCode}`
  }

  replay({ key }: CoordinatorRecord, position: number, producerId: number): void {
    this.replayed.push([key.toString(), position, producerId])
  }

  endTransaction(producerId: number, committed: boolean): void {
    this.ended.push([producerId, committed])
  }

  loaded(): void {
    this.isLoaded = true
  }

  unload(errorCode: number): void {
    for (const reply of this.parked) reply(`unloaded: ${errorCode}`)
  }

  private write(text: string, response: string | null): Outcome<string> {
    const settled = (errorCode: number) => void this.settledWith.push(errorCode)
    return { records: [record(text)], replay: true, response, settled }
  }
}

async function started(host = new VirtualHost()) {
  const runtime = new CoordinatorRuntime<string, string, Echo>(
    host,
    0,
    (context) => new Echo(context),
  )
  await runtime.load()
  return { host, runtime, machine: runtime.machine }
}

/** The answer if it is there without waiting. */
async function now(promise: Promise<string>): Promise<string | null> {
  let got: string | null = null
  void promise.then((response) => (got = response))
  await flush()
  return got
}

describe('the runtime', () => {
  it('releases a response without records at once', async () => {
    const { runtime } = await started()
    expect(await runtime.handle('hello')).toBe('hello')
  })

  it('replays a record and releases the response when it is committed', async () => {
    const { host, runtime, machine } = await started()
    host.holding = true
    const promise = runtime.handle('write a')
    expect(await now(promise)).toBeNull()
    expect(machine.replayed).toEqual([])
    host.commitNext()
    expect(await promise).toBe('wrote a')
    expect(machine.replayed).toEqual([['a', 0, -1]])
    expect(machine.settledWith).toEqual([0])
  })

  it('replays nothing of a failed append and tells its error in coordinator terms', async () => {
    const { host, runtime, machine } = await started()
    host.appendError = 7
    expect(await runtime.handle('write a')).toBe('write a: 15')
    expect(machine.replayed).toEqual([])
    expect(machine.settledWith).toEqual([15])
  })

  it('keeps several appends in flight and replays them in order', async () => {
    const { host, runtime, machine } = await started()
    host.holding = true
    const promises = ['write a', 'write b', 'write c'].map((request) => runtime.handle(request))
    expect(host.held.length).toBe(3)
    host.commitNext()
    host.failNext(19)
    host.commitNext()
    expect(await Promise.all(promises)).toEqual(['wrote a', 'write b: 15', 'wrote c'])
    expect(machine.replayed.map(([text]) => text)).toEqual(['a', 'c'])
  })

  it('asserts that successes come in the order of appends', async () => {
    const { host, runtime } = await started()
    host.holding = true
    void runtime.handle('write a')
    void runtime.handle('write b')
    host.held[1]!.done(0)
    expect(() => host.held[0]!.done(0)).toThrow(/append 1 committed after 2/)
  })

  it('asserts that an append ends once', async () => {
    const { host, runtime } = await started()
    host.holding = true
    void runtime.handle('write a')
    const { done } = host.held[0]!
    done(0)
    expect(() => done(0)).toThrow(/ends once/)
  })

  it('replays the log while loading, with offsets, producers and markers', async () => {
    const host = new VirtualHost()
    const plain = { producerId: 5, producerEpoch: 0, isTransactional: false, isControl: false }
    host.store(0, { ...record('a'), batch: plain })
    host.storeTransactional(0, record('b'), 42)
    host.storeMarker(0, 42, true)
    host.storeMarker(0, 43, false)
    host.store(0, { key: null, value: Buffer.alloc(0), batch: plain })
    const { machine, runtime } = await started(host)
    expect(machine.replayed).toEqual([
      ['a', 0, -1],
      ['b', 1, 42],
    ])
    expect(machine.ended).toEqual([
      [42, true],
      [43, false],
    ])
    await runtime.handle('write c')
    expect(machine.replayed[2]![1]).toBeGreaterThan(3 - 1)
  })

  it('refuses requests while loading, and those after unloading', async () => {
    const host = new VirtualHost()
    const runtime = new CoordinatorRuntime<string, string, Echo>(
      host,
      0,
      (context) => new Echo(context),
    )
    expect(await runtime.handle('x')).toBe('x: 14')
    const loading = runtime.load()
    expect(await runtime.handle('x')).toBe('x: 14')
    await loading
    expect(runtime.machine.isLoaded).toBe(true)
    runtime.unload()
    expect(await runtime.handle('x')).toBe('x: 16')
  })

  it('refuses with NOT_COORDINATOR what is in flight when it is unloaded', async () => {
    const { host, runtime, machine } = await started()
    host.holding = true
    const promise = runtime.handle('write a')
    const parked = runtime.handle('park')
    runtime.unload()
    host.commitNext()
    expect(await promise).toBe('write a: 16')
    expect(await parked).toBe('unloaded: 16')
    expect(machine.replayed).toEqual([])
  })

  it('runs timers as events, and drops them after unloading', async () => {
    const { host, runtime, machine } = await started()
    await runtime.handle('later')
    await host.advance(100)
    expect(machine.replayed.map(([text]) => text)).toEqual(['timed'])
    await runtime.handle('later')
    runtime.unload()
    await host.advance(100)
    expect(machine.replayed.length).toBe(1)
  })

  it('bounds the requests that wait', async () => {
    const { runtime, machine } = await started()
    for (let at = 0; at < limits.coordinatorRequestsMax; at++) void runtime.handle('park')
    expect(await runtime.handle('x')).toBe('x: 15')
    machine.parked[0]!('done')
    expect(await runtime.handle('x')).toBe('x')
  })

  it('asserts that a request is answered once', async () => {
    const { runtime, machine } = await started()
    void runtime.handle('park')
    machine.parked[0]!('one')
    expect(() => machine.parked[0]!('two')).toThrow(/answered once/)
  })

  it('can be loaded once', async () => {
    const { runtime } = await started()
    await expect(runtime.load()).rejects.toThrow(/loaded once/)
  })
})

describe('errors of appends', () => {
  it.each([
    [3, 15],
    [19, 15],
    [20, 15],
    [7, 15],
    [6, 16],
    [56, 16],
    [10, -1],
    [18, -1],
    [4, -1],
    [0, 0],
    [41, 41],
  ])('%i is told as %i', (code, told) => {
    expect(coordinatorError(code)).toBe(told)
  })
})
