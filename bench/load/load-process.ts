/**
 * Raw clients in processes of their own, so that their CPU is theirs alone and several can share a
 * load that is too much for one core. Connections are dealt out in contiguous blocks.
 */
import { type ChildProcess, fork } from 'node:child_process'
import type { LoadFigures, LoadPlan } from './raw-client.ts'

/** The client's own file type tells whether this runs from sources or compiled. */
const ENTRY = new URL(
  import.meta.filename.endsWith('.ts') ? './load-child.ts' : './load-child.js',
  import.meta.url,
)

export interface LoadAnswer {
  readonly figures: LoadFigures | null
  readonly problem: string | null
}

export class LoadProcesses {
  readonly count: number
  private readonly children: ChildProcess[]

  constructor(count: number) {
    this.count = count
    const execArgv = ENTRY.pathname.endsWith('.ts') ? ['--import', 'tsx'] : []
    this.children = Array.from({ length: count }, () => fork(ENTRY, { execArgv }))
  }

  /** Runs a plan over all processes that get a connection; sums what they saw. */
  async run(plan: LoadPlan): Promise<LoadFigures> {
    const shares = this.shares(plan)
    const figures = await Promise.all(
      shares.map((share, index) => ask(this.children[index]!, share)),
    )
    return sumOf(figures)
  }

  close(): void {
    for (const child of this.children) child.disconnect()
  }

  private shares(plan: LoadPlan): LoadPlan[] {
    const count = Math.min(this.children.length, plan.connections)
    return Array.from({ length: count }, (_, index) => {
      const first = Math.floor((plan.connections * index) / count)
      const end = Math.floor((plan.connections * (index + 1)) / count)
      return {
        ...plan,
        connections: end - first,
        firstConnection: plan.firstConnection + first,
        bytesMax: plan.bytesMax / count,
      }
    })
  }
}

function ask(child: ChildProcess, plan: LoadPlan): Promise<LoadFigures> {
  return new Promise((resolve, reject) => {
    const settle = (answer: LoadAnswer | null, code: number | null): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      if (answer?.figures != null) resolve(answer.figures)
      else reject(new Error(answer?.problem ?? `a load process ended with ${code}`))
    }
    const onMessage = (answer: LoadAnswer): void => settle(answer, null)
    const onExit = (code: number | null): void => settle(null, code)
    child.on('message', onMessage)
    child.on('exit', onExit)
    // Infinity does not survive JSON, which is what messages between processes are.
    child.send({ ...plan, bytesMax: Math.min(plan.bytesMax, Number.MAX_SAFE_INTEGER) })
  })
}

/** Windows of several clients nearly coincide: rates add up, the broker is read once. */
function sumOf(figures: readonly LoadFigures[]): LoadFigures {
  const [first] = figures
  if (first === undefined) throw new RangeError('a load has at least one connection')
  const seconds = Math.max(...figures.map((part) => part.seconds))
  const scaled = (value: (part: LoadFigures) => number): number =>
    figures.reduce((sum, part) => sum + (value(part) * seconds) / part.seconds, 0)
  return {
    ...first,
    seconds,
    answers: scaled((part) => part.answers),
    bytes: scaled((part) => part.bytes),
    clientCpuSeconds: scaled((part) => part.clientCpuSeconds),
    brokerCpuSeconds: (first.brokerCpuSeconds * seconds) / first.seconds,
    machineCpuSeconds: (first.machineCpuSeconds * seconds) / first.seconds,
  }
}
