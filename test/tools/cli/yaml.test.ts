/** YAML as machines read it: whatever the value, a strict reader gets it back. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { yamlList, yamlOf } from '../../../tools/cli/yaml.ts'
import { readYaml } from '../../support/yaml-reader.ts'

const scalar = fc.oneof(
  fc.string(),
  fc.constantFrom('yes', 'No', 'null', '~', '1', '-', '- a', 'a: b', '# c', '', ' ', '0x1', '[1]'),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
)
const name = fc.stringMatching(/^[a-z][\w.-]{0,8}$/)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

describe('yaml', () => {
  it('is read back as it was', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(readYaml(yamlOf(one as never))).toEqual(one)
      }),
    )
  })

  it('grows by items of a list', () => {
    const first = yamlList([{ a: 1, b: [{ c: 'no' }] }])
    expect(first).toBe('- a: 1\n  b:\n  - c: "no"\n')
    expect(readYaml(first + yamlList(['x']))).toEqual([{ a: 1, b: [{ c: 'no' }] }, 'x'])
  })
})
