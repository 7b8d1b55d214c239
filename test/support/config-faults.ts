/** What is wrong with configurations that tests pass as values. */
import { ConfigError } from '../../src/base/errors.ts'
import { checkConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'

export const ID = 'hf1xnuvs7jm4l4fs3s2o2ag3m3lbbbddekncyz2df3jl25jnb34am7q'
export const DIRECTORY = '/etc/holdfast'

/** `path: message` of every fault of what code may pass, which need not have the right types. */
export function faults(input: unknown, ownId?: Parameters<typeof checkConfig>[2]): string[] {
  try {
    checkConfig(input as ConfigInput, DIRECTORY, ownId)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
  return []
}

/** A configuration with one peer. */
export function peer(more: object): object {
  return { peers: [{ name: 'office', id: ID, ...more }] }
}
