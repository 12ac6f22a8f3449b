import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { compiledPart, loadKoffi } from '../../net/koffi.ts'

const require = createRequire(import.meta.url)
const hasBuild = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)

describe.skipIf(!hasBuild)('koffi by its compiled part', () => {
  it('is found without the package, and is the same', () => {
    const part = compiledPart(require)
    expect(part?.version).toBe(require('koffi').version)
    const abs = loadKoffi().load(null).func('int abs(int)')
    expect(abs(-3)).toBe(3)
  })

  it('is left to the package where it is not to be had', () => {
    const missing = Object.assign(
      () => {
        throw new Error('Cannot find module')
      },
      { resolve: require.resolve },
    )
    expect(compiledPart(missing as unknown as NodeJS.Require)).toBeNull()
  })
})
