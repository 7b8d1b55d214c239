/** Speaks to a proxy's dialogue, and tells what came of it in plain values. */
import assert from 'node:assert'
import type { Dialogue } from '../../src/capture/dialogue.ts'

/** All that was said in hex, and the last step without it. */
export type Outcome = Readonly<Record<string, unknown>> & { readonly kind: string; readonly said: string }

/** Blanks are for the reader. */
export function hex(words: string): Buffer {
  return Buffer.from(words.replace(/\s/g, ''), 'hex')
}

export function talk(dialogue: Dialogue, ...chunks: readonly Uint8Array[]): Outcome {
  let said = ''
  for (const [i, chunk] of chunks.entries()) {
    const { reply, ...step } = dialogue.push(chunk)
    said += Buffer.from(reply).toString('hex')
    if (step.kind === 'more' && i < chunks.length - 1) continue
    if (step.kind !== 'connect') return { ...step, said }
    // What comes later is no longer the dialogue's.
    const rest = Buffer.concat([step.rest, ...chunks.slice(i + 1)]).toString('hex')
    return { ...step, said, rest }
  }
  throw new Error('nothing was said')
}

/** Whole, cut in two at every byte, and byte by byte: the same comes of each. */
export function everyCut(words: Uint8Array, begin: () => Dialogue): Outcome {
  const whole = talk(begin(), words)
  for (let at = 1; at < words.length; at++) {
    assert.deepEqual(talk(begin(), words.subarray(0, at), words.subarray(at)), whole, `cut at ${at}`)
  }
  assert.deepEqual(talk(begin(), ...Array.from(words, byte => Uint8Array.of(byte))), whole, 'byte by byte')
  return whole
}
