/** Changes an input as an attacker, or a bad line, might. */
import { concatBytes, getUint, putUint } from '../../src/wire/bytes.ts'
import type { Random } from '../support/random.ts'

/** Sizes and edges at which readers of lengths go wrong. */
const NUMBERS = [0, 1, 2, 3, 4, 15, 16, 17, 63, 64, 127, 128, 255, 256, 4_095, 4_096, 4_097, 65_535, 65_536, 131_068]
const MORE = [131_072, 131_073, 0x7fffff, 0xffffff, 0x7fffffff, 0xffffffff, 2 ** 48 - 1, 2 ** 48, 2 ** 53 - 1, 2 ** 53]
const INTERESTING = [...NUMBERS, ...MORE]
const MUTATIONS_MAX = 6
const REPEATS_MAX = 40

type Mutation = (input: Uint8Array, random: Random, other: Uint8Array) => Uint8Array

/** @param corpus never empty */
export function mutated(corpus: readonly Uint8Array[], random: Random, bytesMax: number): Uint8Array {
  let input = random.pick(corpus)
  for (let left = random.int(1, MUTATIONS_MAX); left > 0; left--) {
    input = random.pick(MUTATIONS)(input, random, random.pick(corpus)).subarray(0, bytesMax)
  }
  return input.slice()
}

const MUTATIONS: readonly Mutation[] = [flip, overwrite, cut, drop, repeat, splice, insertBytes, insertNumber, nudge]

function flip(input: Uint8Array, random: Random): Uint8Array {
  return changed(input, random, (bytes, at) => {
    bytes[at]! ^= 1 << random.int(0, 7)
  })
}

function overwrite(input: Uint8Array, random: Random): Uint8Array {
  return changed(input, random, (bytes, at) => {
    bytes[at] = random.chance(0.5) ? random.int(0, 255) : random.pick([0x00, 0x01, 0x0a, 0x20, 0x7f, 0x80, 0xff])
  })
}

function cut(input: Uint8Array, random: Random): Uint8Array {
  return input.subarray(0, random.int(0, input.length))
}

function drop(input: Uint8Array, random: Random): Uint8Array {
  const [from, to] = range(input, random)
  return concatBytes([input.subarray(0, from), input.subarray(to)])
}

function repeat(input: Uint8Array, random: Random): Uint8Array {
  const [from, to] = range(input, random)
  const times = random.chance(0.1) ? random.int(2, REPEATS_MAX) : 2
  const piece = input.subarray(from, to)
  return concatBytes([input.subarray(0, from), ...Array<Uint8Array>(times).fill(piece), input.subarray(to)])
}

function splice(input: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  return concatBytes([input.subarray(0, random.int(0, input.length)), other.subarray(random.int(0, other.length))])
}

function insertBytes(input: Uint8Array, random: Random): Uint8Array {
  const at = random.int(0, input.length)
  return concatBytes([input.subarray(0, at), random.bytes(random.int(1, 8)), input.subarray(at)])
}

/** A number of any width, over what was there or between it. */
function insertNumber(input: Uint8Array, random: Random): Uint8Array {
  const at = random.int(0, input.length)
  const width = random.int(1, 7)
  const number = new Uint8Array(width)
  putUint(number, 0, width, random.pick(INTERESTING))
  return concatBytes([input.subarray(0, at), number, input.subarray(random.chance(0.7) ? at + width : at)])
}

/** A length, or any other number, that is off by little. */
function nudge(input: Uint8Array, random: Random): Uint8Array {
  const width = random.int(1, 3)
  if (input.length < width) return input
  const bytes = input.slice()
  const at = random.int(0, bytes.length - width)
  putUint(bytes, at, width, Math.max(0, getUint(bytes, at, width) + random.int(-3, 3)))
  return bytes
}

function changed(input: Uint8Array, random: Random, change: (bytes: Uint8Array, at: number) => void): Uint8Array {
  if (input.length === 0) return random.bytes(1)
  const bytes = input.slice()
  change(bytes, random.int(0, bytes.length - 1))
  return bytes
}

function range(input: Uint8Array, random: Random): [from: number, to: number] {
  const from = random.int(0, input.length)
  return [from, random.int(from, Math.min(input.length, from + (random.chance(0.5) ? 8 : input.length)))]
}
