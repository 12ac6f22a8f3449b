/**
 * node:zlib, loaded when a codec first needs it: 5 ms of a thread's start else, for what most threads
 * never use.
 */
import { createRequire } from 'node:module'

export type NodeZlib = typeof import('node:zlib')

let loaded: NodeZlib | null = null

export function nodeZlib(): NodeZlib {
  loaded ??= createRequire(import.meta.url)('node:zlib') as NodeZlib
  return loaded
}
