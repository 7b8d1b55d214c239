/** A program that knows nothing of Holdfast: its server on the far host, its clients on the near one. */
import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Namespace } from '../../lab/namespace.ts'
import type { ProxyPlace } from '../proxy-client.ts'

export interface RealProgram {
  readonly name: string
  /** How many its clients on the near host make. */
  readonly connections: number
  /** Starts the server; returns when it listens. */
  serve(): Promise<void>
  /** Starts the clients; returns when each is in the middle of its work. */
  begin(): Promise<void>
  /** @throws Error when a client is through with its work: then the move did not fall into it */
  mustBeBusy(): Promise<void> | void
  /** Lets the clients end. @returns what was proved of them and of the server's log */
  finish(): Promise<string>
  /** Ends what runs, whatever its state; harmless when repeated. */
  close(): Promise<void>
}

/** Where a program lives, with files of its own. */
export interface Site {
  /** Where its clients run. */
  readonly near: Namespace
  readonly far: Namespace
  /** Anyone may enter it. */
  readonly directory: string
  /** Where its server listens, with the ports below, and what its clients are told. */
  readonly address: string
  /** What those clients are told that can use one. */
  readonly proxy?: ProxyPlace
  /** Of each copy of a file, for so long a time. @default what the program thinks fit for a path of its own */
  readonly copies?: { readonly bytesPerSecond: number; readonly seconds: number }
}

export const REAL_PORT = {
  ssh: 2_222,
  postgres: 5_432,
  http: 8_080,
  https: 8_443,
  redis: 6_379,
  iperfUp: 5_201,
  iperfDown: 5_202,
} as const

/** What takes longer than this hangs, also on a machine that has much else to do. */
export const WORK_DEADLINE_MS = 180_000
export const READY_DEADLINE_MS = 60_000

/** @returns its path. @throws Error when this machine does not have it */
export function findProgram(name: string): string {
  const directories = isAbsolute(name) ? [''] : [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  const found = directories.map(directory => join(directory, name)).find(isExecutable)
  if (found === undefined) throw new Error(`${name} is not installed`)
  return found
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** How often a server's log says something. */
export function countOf(log: string, pattern: RegExp): number {
  return [...log.matchAll(pattern)].length
}
