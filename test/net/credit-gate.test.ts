import { expect, test } from 'vitest'
import { CreditGate } from '../../net/credit-gate.ts'

const terms = { turnsMin: 4, turnsMax: 16, opening: 2, max: 5, worth: 3 }

function turnsToOpen(gate: CreditGate): number {
  let turns = 0
  while (!gate.suffice(turns)) turns++
  gate.open()
  return turns
}

test('what is in vain costs more than there is, and the gate shuts', () => {
  const gate = new CreditGate(terms)
  expect(turnsToOpen(gate)).toBe(4)
  gate.lose(2)
  expect(gate.isOpen).toBe(true)
  gate.lose(1)
  expect(gate.isOpen).toBe(false)
})

test('credit is bounded, however long it went well', () => {
  const gate = new CreditGate(terms)
  gate.open()
  for (let i = 0; i < 1_000; i++) gate.earn()
  gate.lose(5)
  expect(gate.isOpen).toBe(true)
  gate.lose(1)
  expect(gate.isOpen).toBe(false)
})

test('after each opening in vain it takes twice as many turns, up to the most', () => {
  const gate = new CreditGate(terms)
  const turns: number[] = []
  for (let i = 0; i < 4; i++) {
    turns.push(turnsToOpen(gate))
    gate.lose(3)
  }
  expect(turns).toEqual([4, 8, 16, 16])
})

test('an opening that was worth it makes the next as near as the first', () => {
  const gate = new CreditGate(terms)
  turnsToOpen(gate)
  gate.lose(3)
  expect(turnsToOpen(gate)).toBe(8)
  for (let i = 0; i < 3; i++) gate.earn()
  gate.lose(6)
  expect(gate.isOpen).toBe(false)
  expect(turnsToOpen(gate)).toBe(4)
  gate.shut(true)
  expect(turnsToOpen(gate)).toBe(4)
  gate.shut(false)
  expect(turnsToOpen(gate)).toBe(8)
})

test('to shut what is shut changes nothing', () => {
  const gate = new CreditGate(terms)
  gate.shut(false)
  gate.lose(100)
  expect(turnsToOpen(gate)).toBe(4)
})
