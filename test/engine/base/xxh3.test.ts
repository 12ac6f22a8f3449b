/** XXH3 against the reference implementation (python-xxhash), at both ends of each way it goes. */
import { expect, it } from 'vitest'
import { xxh3 } from '../../../engine/base/xxh3.ts'

/** Bytes that differ with length and position. */
function input(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, at) => (at * 7 + length) & 255))
}

it.each<[number, bigint]>([
  [0, 3_244_421_341_483_603_138n],
  [1, -2_220_562_881_957_146_901n],
  [3, -6_266_602_912_829_716_452n],
  [4, 6_297_312_323_375_345_790n],
  [8, -5_693_888_875_394_197_238n],
  [9, -8_445_836_227_155_624_914n],
  [16, 3_159_599_325_006_435_930n],
  [17, 7_070_371_635_116_224_842n],
  [64, 1_953_419_934_939_160_347n],
  [128, -1_633_510_367_785_085_978n],
  [129, -5_383_259_723_849_235_271n],
  [240, 4_473_034_316_189_165_092n],
  [241, -4_792_628_563_661_132_438n],
  [1_024, -2_568_512_991_238_798_245n],
  [1_025, -4_010_797_056_655_636_473n],
  [5_000, 3_499_038_088_879_543_845n],
])('hashes %i bytes as the reference does', (length, hash) => {
  expect(xxh3(input(length))).toBe(hash)
})
