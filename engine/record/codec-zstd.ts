/**
 * Zstandard (RFC 8878) by node:zlib where Node has it (22.15 and later), else by `@bokuweb/zstd-wasm`,
 * which a thread compiles at its first use, in 10 ms.
 *
 *   frame: magic 0xFD2FB528 little endian · descriptor · [window] · [dictionary id 0/1/2/4]
 *          · [content size 0/1/2/4/8] · blocks · [checksum u32]
 *   descriptor: bits 6-7 content size, 5 single segment (no window), 2 checksum, 0-1 dictionary
 *   block: 3 bytes little endian: bit 0 last, bits 1-2 type (raw, repeated byte, compressed), size
 *   skippable frame: magic 0x184D2A5? · size u32 · bytes
 *
 * Streaming writers (Java, librdkafka) declare no content size, and 16 KB can expand to 512 MB. So
 * the block headers are walked first: a block gives at most min(window, 128 KiB), raw and repeated
 * ones say it exactly. The smaller of that bound, the declared size and the caller's limit is all
 * the room the decoder gets; one that needs more is a bomb.
 */
import { BombRefused, type CodecAdapter, CorruptPayload } from './codec-adapter.ts'
import { nodeZlib } from './node-zlib.ts'
import { optionalPackage } from './optional-package.ts'

interface WasmPackage {
  compress(plain: Uint8Array, level?: number): Uint8Array
  /** Takes the room from the frame's content size, from `defaultHeapSize` when it has none. */
  decompress(frame: Uint8Array, options: { defaultHeapSize: number }): Uint8Array
}

/** The package's own inside (Emscripten's). */
interface WasmInside {
  /** Set: makes the instance in place of the asynchronous way of WebAssembly. */
  instantiateWasm(imports: object, receive: (instance: object) => unknown): unknown
  init(): unknown
  /** Set once the instance works. */
  readonly calledRun?: boolean
}

/** Of the global, which @types/node knows as a type alone. */
interface WebAssemblyCalls {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => object
}

/** What node:zlib has from Node 22.15 on; @types/node is pinned to the floor and lacks it. */
interface NativeZstd {
  zstdCompressSync?(plain: Buffer, options: { params: Record<number, number> }): Buffer
  zstdDecompressSync?(frame: Buffer, options: { maxOutputLength: number }): Buffer
}

interface Frame {
  readonly end: number
  /** Room the output can need at most: what the frame declares, else what its blocks can give. */
  readonly outputBytesMax: number
  readonly isDeclared: boolean
  readonly skippable: boolean
}

const FRAME_MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const BLOCK_BYTES_MAX = 128 * 1024
/** ZSTD_c_compressionLevel. */
const LEVEL_PARAMETER = 100
const LEVEL_DEFAULT = 3
/** ZSTD_error_dstSize_tooSmall, as the wasm package prints it. */
const TOO_SMALL = /code -70$/

const WASM = '@bokuweb/zstd-wasm'
const native = (): NativeZstd => nodeZlib() as object
const isNative = (): boolean => native().zstdDecompressSync !== undefined
const wasm = optionalPackage<WasmPackage>(WASM, readyWasm)

export const zstd: CodecAdapter = {
  implementation() {
    if (isNative()) return 'node:zlib'
    return wasm() === null ? null : WASM
  },

  installed() {
    if (isNative()) return 'node:zlib'
    return wasm.isInstalled() ? WASM : null
  },

  compress(plain, level) {
    const chosen = level ?? LEVEL_DEFAULT
    const { zstdCompressSync } = native()
    if (zstdCompressSync !== undefined)
      return zstdCompressSync(plain, { params: { [LEVEL_PARAMETER]: chosen } })
    return asBuffer(wasm()!.compress(plain, chosen))
  },

  decompress(packed, maxBytes) {
    const pieces: Buffer[] = []
    let left = maxBytes
    let at = 0
    while (at < packed.length) {
      const frame = walkFrame(packed, at)
      if (!frame.skippable) {
        const piece = decompressFrame(packed.subarray(at, frame.end), frame, left)
        pieces.push(piece)
        left -= piece.length
      }
      at = frame.end
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  },
}

/**
 * The package, its wasm compiled in this call: its own `init` can only be waited for. A second one would put
 * a new memory in place of the one in use, so that one copy of this module does it for all.
 */
function readyWasm(require: NodeJS.Require): WasmPackage {
  const found = require(WASM) as WasmPackage
  const folder = require.resolve(WASM).replace(/[^/\\]+$/, '')
  const { Module: inside } = require(`${folder}module.js`) as { Module: WasmInside }
  if (inside.calledRun === true) return found
  const { Module, Instance }: WebAssemblyCalls = Reflect.get(globalThis, 'WebAssembly')
  const { readFileSync } = require('node:fs') as { readFileSync(path: string): Uint8Array }
  const compiled = new Module(readFileSync(`${folder}zstd.wasm`))
  inside.instantiateWasm = (imports, receive) => receive(new Instance(compiled, imports))
  inside.init()
  return found
}

function decompressFrame(bytes: Buffer, frame: Frame, left: number): Buffer {
  // The wasm package takes a declared size at its word, so it is judged here.
  if (frame.isDeclared && frame.outputBytesMax > left)
    throw new BombRefused(`zstd: ${frame.outputBytesMax} bytes declared, ${left} allowed`)
  const room = Math.min(frame.outputBytesMax, left)
  try {
    const { zstdDecompressSync } = native()
    if (zstdDecompressSync !== undefined)
      return zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, room) })
    return asBuffer(wasm()!.decompress(bytes, { defaultHeapSize: room }))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const tooSmall = code === 'ERR_BUFFER_TOO_LARGE' || TOO_SMALL.test(message)
    if (tooSmall && room === left) throw new BombRefused(`zstd: output exceeds ${left} bytes`)
    throw new CorruptPayload(`zstd: ${message}`)
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function walkFrame(packed: Buffer, start: number): Frame {
  need(packed, start, 6)
  const magic = packed.readUInt32LE(start)
  if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC) {
    need(packed, start, 8)
    const bytes = packed.readUInt32LE(start + 4)
    need(packed, start + 8, bytes)
    return { end: start + 8 + bytes, outputBytesMax: 0, isDeclared: false, skippable: true }
  }
  if (magic !== FRAME_MAGIC) throw new CorruptPayload('zstd: not a frame')
  const descriptor = packed[start + 4]!
  const singleSegment = (descriptor & 0x20) !== 0
  const windowAt = start + 5
  const dictionaryAt = windowAt + (singleSegment ? 0 : 1)
  const sizeAt = dictionaryAt + [0, 1, 2, 4][descriptor & 0x03]!
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  need(packed, sizeAt, sizeBytes)
  const declared = contentSize(packed, sizeAt, sizeBytes)
  const window = singleSegment ? declared : windowSize(packed[windowAt]!)
  const { end, bound } = walkBlocks(packed, sizeAt + sizeBytes, Math.min(window, BLOCK_BYTES_MAX))
  const checksumBytes = (descriptor & 0x04) === 0 ? 0 : 4
  need(packed, end, checksumBytes)
  if (declared > bound)
    throw new CorruptPayload(`zstd: ${declared} bytes declared, blocks give at most ${bound}`)
  const isDeclared = declared >= 0
  const outputBytesMax = isDeclared ? declared : bound
  return { end: end + checksumBytes, outputBytesMax, isDeclared, skippable: false }
}

/** Declared size, -1 when there is none. */
function contentSize(packed: Buffer, at: number, bytes: number): number {
  if (bytes === 0) return -1
  if (bytes === 2) return packed.readUInt16LE(at) + 256
  if (bytes === 8) return packed.readUInt32LE(at) + packed.readUInt32LE(at + 4) * 2 ** 32
  return packed.readUIntLE(at, bytes)
}

function windowSize(byte: number): number {
  const base = 2 ** (10 + (byte >> 3))
  return base + (base / 8) * (byte & 0x07)
}

function walkBlocks(
  packed: Buffer,
  start: number,
  blockBytesMax: number,
): { end: number; bound: number } {
  let at = start
  let bound = 0
  for (;;) {
    need(packed, at, 3)
    const header = packed.readUIntLE(at, 3)
    const type = (header >> 1) & 0x03
    const size = header >> 3
    if (type === 3) throw new CorruptPayload('zstd: reserved block type')
    bound += type === 2 ? blockBytesMax : size
    const bytes = type === 1 ? 1 : size
    at += 3
    need(packed, at, bytes)
    at += bytes
    if ((header & 1) === 1) return { end: at, bound }
  }
}

function need(packed: Buffer, at: number, bytes: number): void {
  if (packed.length - at < bytes) throw new CorruptPayload('zstd: cut off')
}
