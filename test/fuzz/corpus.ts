/** Inputs in files, one line of hex each: what once broke a target, and what was valid once. They come first in every run. */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { toHex } from '../../src/wire/bytes.ts'
import { ROOT } from '../support/repository.ts'

export function readCorpus(target: string): readonly Uint8Array[] {
  const folder = folderOf(target)
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter(name => name.endsWith('.hex'))
  return files.sort().map(name => fromHex(readFileSync(`${folder}/${name}`, 'utf8')))
}

/** @returns the path of the file, which is named for its content */
export function writeCorpus(target: string, kind: 'valid' | 'broke', input: Uint8Array): string {
  const folder = folderOf(target)
  mkdirSync(folder, { recursive: true })
  const path = `${folder}/${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}.hex`
  writeFileSync(path, `${toHex(input)}\n`)
  return path
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.trim(), 'hex'))
}

function folderOf(target: string): string {
  return `${ROOT}test/fuzz/corpus/${target}`
}
