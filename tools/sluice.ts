#!/usr/bin/env node
/**
 * The binary. `sluice NOUN VERB …` for people; every Kafka tool by its own name, as `sluice
 * kafka-topics …`, or when the binary is called by that name (a link, with or without `.sh`).
 * Commands are loaded on use, so that the quick ones start quickly.
 */
import { main } from './cli/main.ts'

// Not awaited: CommonJS, as in the bundle, cannot.
void main(process.argv).then((code) => {
  process.exitCode = code
})
