/**
 * XXH3, 64 bits, seed 0, with the default secret: the hash by which Kafka notices that the topics
 * behind a group have changed (KIP-1101, hash4j's xxh3_64). Source: the specification of XXH3 in
 * xxHash. Written for small inputs that are hashed seldom; arithmetic is modulo 2^64 throughout.
 *
 *   length   1-3 · 4-8 · 9-16   a formula each
 *            17-128 · 129-240   16 bytes at a time against the secret
 *            above              8 accumulators over stripes of 64 bytes, scrambled per block
 */
const MASK = 0xffff_ffff_ffff_ffffn
const LOW = 0xffff_ffffn

const PRIME32_1 = 0x9e3779b1n
const PRIME32_2 = 0x85ebca77n
const PRIME32_3 = 0xc2b2ae3dn
const PRIME64_1 = 0x9e3779b185ebca87n
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn
const PRIME64_3 = 0x165667b19e3779f9n
const PRIME64_4 = 0x85ebca77c2b2ae63n
const PRIME64_5 = 0x27d4eb2f165667c5n
const PRIME_MX1 = 0x165667919e3779f9n
const PRIME_MX2 = 0x9fb21c651e98df25n

const SECRET = Buffer.from(
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f' +
    'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c' +
    '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
    'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364' +
    'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e' +
    '2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
  'hex',
)

const STRIPE_BYTES = 64
const SECRET_STEP_BYTES = 8
const STRIPES_PER_BLOCK = (SECRET.length - STRIPE_BYTES) / SECRET_STEP_BYTES

const u64 = (bytes: Buffer, at: number): bigint => bytes.readBigUInt64LE(at)
const u32 = (bytes: Buffer, at: number): bigint => BigInt(bytes.readUInt32LE(at))
const secret = (at: number): bigint => SECRET.readBigUInt64LE(at)
const times = (one: bigint, other: bigint): bigint => (one * other) & MASK

/** The hash as a signed number, as Java has it. */
export function xxh3(bytes: Buffer): bigint {
  return BigInt.asIntN(64, hashOf(bytes))
}

function hashOf(bytes: Buffer): bigint {
  const { length } = bytes
  if (length > 240) return long(bytes)
  if (length > 128) return middle(bytes)
  if (length > 16) return short(bytes)
  if (length > 8) return upTo16(bytes)
  if (length > 3) return upTo8(bytes)
  if (length > 0) return upTo3(bytes)
  return avalanche64(secret(56) ^ secret(64))
}

function upTo3(bytes: Buffer): bigint {
  const { length } = bytes
  const first = BigInt(bytes[0]!)
  const middleByte = BigInt(bytes[length >> 1]!)
  const last = BigInt(bytes[length - 1]!)
  const combined = (first << 16n) | (middleByte << 24n) | last | (BigInt(length) << 8n)
  return avalanche64(combined ^ (u32(SECRET, 0) ^ u32(SECRET, 4)))
}

function upTo8(bytes: Buffer): bigint {
  const { length } = bytes
  const input = u32(bytes, length - 4) + (u32(bytes, 0) << 32n)
  let hash = input ^ secret(8) ^ secret(16)
  hash ^= rotated(hash, 49n) ^ rotated(hash, 24n)
  hash = times(hash, PRIME_MX2)
  hash ^= ((hash >> 35n) + BigInt(length)) & MASK
  hash = times(hash, PRIME_MX2)
  return hash ^ (hash >> 28n)
}

function upTo16(bytes: Buffer): bigint {
  const { length } = bytes
  const low = u64(bytes, 0) ^ secret(24) ^ secret(32)
  const high = u64(bytes, length - 8) ^ secret(40) ^ secret(48)
  return avalanche(BigInt(length) + swapped(low) + high + folded(low, high))
}

function short(bytes: Buffer): bigint {
  const { length } = bytes
  let sum = times(BigInt(length), PRIME64_1)
  for (let pair = (length - 1) >> 5; pair >= 0; pair--) {
    sum += mixed(bytes, 16 * pair, 32 * pair)
    sum += mixed(bytes, length - 16 * (pair + 1), 32 * pair + 16)
  }
  return avalanche(sum)
}

function middle(bytes: Buffer): bigint {
  const { length } = bytes
  const rounds = length >> 4
  let sum = times(BigInt(length), PRIME64_1)
  for (let round = 0; round < 8; round++) sum += mixed(bytes, 16 * round, 16 * round)
  sum = avalanche(sum)
  for (let round = 8; round < rounds; round++) sum += mixed(bytes, 16 * round, 16 * (round - 8) + 3)
  return avalanche(sum + mixed(bytes, length - 16, 136 - 17))
}

function long(bytes: Buffer): bigint {
  const { length } = bytes
  const sums = [
    PRIME32_3,
    PRIME64_1,
    PRIME64_2,
    PRIME64_3,
    PRIME64_4,
    PRIME32_2,
    PRIME64_5,
    PRIME32_1,
  ]
  const stripes = Math.floor((length - 1) / STRIPE_BYTES)
  for (let stripe = 0; stripe < stripes; stripe++) {
    const inBlock = stripe % STRIPES_PER_BLOCK
    accumulate(sums, bytes, stripe * STRIPE_BYTES, inBlock * SECRET_STEP_BYTES)
    if (inBlock === STRIPES_PER_BLOCK - 1) scramble(sums)
  }
  accumulate(sums, bytes, length - STRIPE_BYTES, SECRET.length - STRIPE_BYTES - 7)
  let hash = times(BigInt(length), PRIME64_1)
  for (let pair = 0; pair < 4; pair++)
    hash += folded(
      sums[2 * pair]! ^ secret(11 + 16 * pair),
      sums[2 * pair + 1]! ^ secret(19 + 16 * pair),
    )
  return avalanche(hash)
}

function accumulate(sums: bigint[], bytes: Buffer, at: number, secretAt: number): void {
  for (let lane = 0; lane < 8; lane++) {
    const input = u64(bytes, at + 8 * lane)
    const keyed = input ^ secret(secretAt + 8 * lane)
    const neighbour = lane ^ 1
    sums[neighbour] = (sums[neighbour]! + input) & MASK
    sums[lane] = (sums[lane]! + (keyed & LOW) * (keyed >> 32n)) & MASK
  }
}

function scramble(sums: bigint[]): void {
  for (let lane = 0; lane < 8; lane++) {
    const sum = sums[lane]!
    const keyed = sum ^ (sum >> 47n) ^ secret(SECRET.length - STRIPE_BYTES + 8 * lane)
    sums[lane] = times(keyed, PRIME32_1)
  }
}

/** Sixteen bytes of input against sixteen of the secret. */
function mixed(bytes: Buffer, at: number, secretAt: number): bigint {
  return folded(u64(bytes, at) ^ secret(secretAt), u64(bytes, at + 8) ^ secret(secretAt + 8))
}

/** Both halves of a product of 128 bits, one upon the other. */
function folded(one: bigint, other: bigint): bigint {
  const product = one * other
  return (product & MASK) ^ (product >> 64n)
}

function avalanche(value: bigint): bigint {
  let hash = value & MASK
  hash = times(hash ^ (hash >> 37n), PRIME_MX1)
  return hash ^ (hash >> 32n)
}

/** The finish of XXH64, which the smallest inputs have. */
function avalanche64(value: bigint): bigint {
  let hash = value & MASK
  hash = times(hash ^ (hash >> 33n), PRIME64_2)
  hash = times(hash ^ (hash >> 29n), PRIME64_3)
  return hash ^ (hash >> 32n)
}

function rotated(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK
}

/** The bytes the other way round. */
function swapped(value: bigint): bigint {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64LE(value)
  return bytes.readBigUInt64BE()
}
