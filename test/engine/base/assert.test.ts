import { describe, expect, it } from 'vitest'
import { assert, InvariantError, unfailing } from '../../../engine/base/assert.ts'

describe('a step that knows no error of its own', () => {
  it('ends as a broken invariant, which tells where it began', () => {
    const failure = new Error('storage')
    const run = () =>
      unfailing(() => {
        throw failure
      })
    expect(run).toThrow(InvariantError)
    expect(run).toThrow(expect.objectContaining({ message: 'storage', stack: failure.stack }))
  })

  it('passes a broken invariant on as it is', () => {
    let thrown: unknown
    const run = () =>
      unfailing(() => {
        try {
          assert(false, 'an end before its begin')
        } catch (error) {
          thrown = error
          throw error
        }
      })
    expect(run).toThrow('an end before its begin')
    expect(run).toThrow(thrown as Error)
  })

  it('takes whatever is thrown', () => {
    const run = () =>
      unfailing(() => {
        throw 'a word' as unknown
      })
    expect(run).toThrow(expect.objectContaining({ name: 'InvariantError', message: 'a word' }))
  })
})
