/**
 * Cycles between operations. Edges: ww from the writer of a value to the writer of the next one, wr from
 * a writer to its readers, rw from the reader of a key's last seen value to the writer of the next, and
 * time: what ended before another began.
 *
 * Kafka's transactions make writes visible together and isolate nothing else: cycles of writes are legal,
 * as are those with a read that came before a write. A cycle of reads and time alone is not: somebody
 * read what had not been written.
 */
import { type Gathered, pollsOf } from './key-history.ts'
import type { Finding, Op, Verdict } from './operation.ts'

/** Adjacency as typed arrays, so that a million operations are no matter. */
class Graph {
  private from: Int32Array
  private to: Int32Array
  private count = 0
  readonly nodes: number

  constructor(nodes: number, edgesExpected: number) {
    this.nodes = nodes
    this.from = new Int32Array(Math.max(16, edgesExpected))
    this.to = new Int32Array(Math.max(16, edgesExpected))
  }

  add(from: number, to: number): void {
    if (from === to) return
    if (this.count === this.from.length) {
      this.from = grown(this.from)
      this.to = grown(this.to)
    }
    this.from[this.count] = from
    this.to[this.count++] = to
  }

  /** Strongly connected sets of more than one node (Tarjan, without recursion). */
  components(): number[][] {
    const { nodes } = this
    const starts = new Int32Array(nodes + 1)
    for (let e = 0; e < this.count; e++) starts[this.from[e]! + 1]!++
    for (let n = 0; n < nodes; n++) starts[n + 1]! += starts[n]!
    const targets = new Int32Array(this.count)
    const fill = starts.slice(0, nodes)
    for (let e = 0; e < this.count; e++) targets[fill[this.from[e]!]!++] = this.to[e]!
    return tarjan(nodes, starts, targets)
  }
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}

function tarjan(nodes: number, starts: Int32Array, targets: Int32Array): number[][] {
  const index = new Int32Array(nodes).fill(-1)
  const low = new Int32Array(nodes)
  const onStack = new Uint8Array(nodes)
  const cursor = starts.slice(0, nodes)
  const stack: number[] = []
  const calls: number[] = []
  const found: number[][] = []
  let next = 0
  for (let root = 0; root < nodes; root++) {
    if (index[root] !== -1) continue
    calls.push(root)
    while (calls.length > 0) {
      const node = calls.at(-1)!
      if (index[node] === -1) {
        index[node] = low[node] = next++
        stack.push(node)
        onStack[node] = 1
      }
      if (cursor[node]! < starts[node + 1]!) {
        const target = targets[cursor[node]!++]!
        if (index[target] === -1) calls.push(target)
        else if (onStack[target] === 1) low[node] = Math.min(low[node]!, index[target]!)
        continue
      }
      calls.pop()
      const caller = calls.at(-1)
      if (caller !== undefined) low[caller] = Math.min(low[caller]!, low[node]!)
      if (low[node] !== index[node]) continue
      const members: number[] = []
      for (;;) {
        const member = stack.pop()!
        onStack[member] = 0
        members.push(member)
        if (member === node) break
      }
      if (members.length > 1) found.push(members)
    }
  }
  return found
}

export function findCycles(gathered: Gathered, verdict: Verdict): void {
  const { ops } = gathered
  const numberOf = new Map(ops.map((op, at) => [op, at]))
  const told = new Set<string>()
  const report = (graph: Graph, kind: Finding['kind'], list: Finding[]): void => {
    for (const members of graph.components()) {
      const numbers = members.filter((node) => node < ops.length).map((node) => ops[node]!.i)
      numbers.sort((a, b) => a - b)
      const name = numbers.join()
      if (numbers.length < 2 || told.has(name)) continue
      told.add(name)
      list.push({ kind, k: -1, ops: numbers })
    }
  }
  const edges = dependencies(gathered, numberOf)
  const build = (only: (op: Op) => boolean, ...kinds: (keyof Edges)[]): Graph => {
    const graph = new Graph(ops.length * 2, ops.length * 4)
    for (const kind of kinds)
      for (let at = 0; at < edges[kind].length; at += 2) {
        const [from, to] = [edges[kind][at]!, edges[kind][at + 1]!]
        if (only(ops[from]!) && only(ops[to]!)) graph.add(from, to)
      }
    return graph
  }
  // Outside transactions an operation's parts are on their own: cycles of them say nothing.
  const isTransaction = (op: Op): boolean => op.txn
  const reads = build(() => true, 'wr')
  addTime(reads, ops)
  report(reads, 'G1c', verdict.bad)
  report(build(isTransaction, 'ww'), 'G0', verdict.allowed)
  report(build(isTransaction, 'ww', 'wr'), 'G1c', verdict.allowed)
  report(build(isTransaction, 'ww', 'wr', 'rw'), 'G-single', verdict.allowed)
}

/** Pairs one after another. */
interface Edges {
  readonly ww: number[]
  readonly wr: number[]
  readonly rw: number[]
}

function dependencies({ keys, ops }: Gathered, numberOf: ReadonlyMap<Op, number>): Edges {
  const edges: Edges = { ww: [], wr: [], rw: [] }
  const writerOf = (k: number, rank: number): number | undefined => {
    const key = keys.get(k)
    const version = key?.order[rank]
    const write = version === undefined ? undefined : key?.writes.get(version.value)
    return write === undefined ? undefined : numberOf.get(write.op)
  }
  for (const key of keys.values())
    for (let rank = 1; rank < key.order.length; rank++) {
      const before = writerOf(key.k, rank - 1)
      const after = writerOf(key.k, rank)
      if (before !== undefined && after !== undefined) edges.ww.push(before, after)
    }
  ops.forEach((op, reader) => {
    const last = new Map<number, number>()
    for (const { got } of pollsOf(op))
      for (const [k, offset, v] of got) {
        const write = keys.get(k)?.writes.get(v)
        if (write !== undefined && write.op !== op) edges.wr.push(numberOf.get(write.op)!, reader)
        last.set(k, Math.max(last.get(k) ?? -1, keys.get(k)?.rankOf.get(offset) ?? -1))
      }
    for (const [k, rank] of last) {
      const overtaker = writerOf(k, rank + 1)
      if (overtaker !== undefined && overtaker !== reader) edges.rw.push(reader, overtaker)
    }
  })
  return edges
}

/**
 * Order in time with few edges: a chain of endings (nodes behind the operations); an operation points to
 * its ending, and the last ending before an operation's begin points to it. An unknown end never came.
 */
function addTime(graph: Graph, ops: readonly Op[]): void {
  const ended = ops
    .map((op, at) => ({ op, at }))
    .filter(({ op }) => op.type !== 'info')
    .sort((a, b) => a.op.t1 - b.op.t1)
  const node = (place: number): number => ops.length + place
  ended.forEach(({ at }, place) => {
    graph.add(at, node(place))
    if (place > 0) graph.add(node(place - 1), node(place))
  })
  let place = 0
  const begun = ops.map((op, at) => ({ op, at })).sort((a, b) => a.op.t0 - b.op.t0)
  for (const { op, at } of begun) {
    while (place < ended.length && ended[place]!.op.t1 < op.t0) place++
    if (place > 0) graph.add(node(place - 1), at)
  }
}
