/**
 * From any value to a checked Config. All faults are told at once, each with its path, and with its line where there is a
 * file. Nothing is taken from a configuration that has one fault.
 */
import { resolve } from 'node:path'
import { parseEndpoint, parseHostPort } from '../base/endpoint.ts'
import { ConfigError, type ConfigFault } from '../base/errors.ts'
import type { Config } from './config.ts'
import { parseDuration } from './duration.ts'
import { atHome } from './home.ts'
import { type Path, pathText, type Report, reportIssue, valueAt } from './issues.ts'
import { reportMeaning } from './meaning.ts'
import { type ConfigFile, type ConfigInput, configSchema, DEFAULT_IDENTITY, routeRules } from './schema.ts'

/** Where a value came from. */
export interface Source {
  /** As faults name it. */
  readonly file: string
  /** What relative paths are relative to; absolute. */
  readonly directory: string
  /** 1-based, or undefined where there are no lines. */
  lineOf(path: Path): number | undefined
  /** Keys that were written more than once, which a value cannot show. */
  readonly repeated: readonly RepeatedKey[]
}

export interface RepeatedKey {
  readonly path: Path
  /** In order, one for each time. */
  readonly lines: readonly number[]
}

/** Looks at what a document names outside itself; it is told with the document's own faults. */
export type OutsideCheck = (value: unknown, directory: string, report: Report) => void

/** This host's peer ID, which may not be among the peers; or how to learn it from the identity file, where that can be read. */
export type OwnId = string | ((identityFile: string) => string | undefined)

/**
 * The same checks for a value from code; relative paths are relative to `directory`.
 * @throws ConfigError with every fault
 */
export function checkConfig(input: ConfigInput, directory: string, ownId?: OwnId): Config {
  return check(input, { file: 'config', directory, lineOf: () => undefined, repeated: [] }, ownId)
}

/** @throws ConfigError with every fault, in the order of lines */
export function check(value: unknown, source: Source, ownId: OwnId | undefined, reportOutside?: OutsideCheck): Config {
  const { file, directory, lineOf, repeated } = source
  const faults: ConfigFault[] = []
  const report = (path: Path, message: string) => {
    const line = lineOf(path)
    faults.push({ path: pathText(path), message, ...(line === undefined ? {} : { line }) })
  }
  const parsed = configSchema.safeParse(value)
  for (const { path, lines } of repeated) report(path, `this key is there ${placesText(lines)}; leave one`)
  for (const issue of parsed.error?.issues ?? []) reportIssue(issue, value, report)
  const own = typeof ownId === 'function' ? ownId(identityPath(value, directory)) : ownId
  reportMeaning(value, directory, own, report)
  reportOutside?.(value, directory, report)
  if (!parsed.success || faults.length > 0) {
    throw new ConfigError(
      file,
      faults.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
    )
  }
  return toConfig(parsed.data, directory)
}

function placesText(all: readonly number[]): string {
  const times = all.length === 2 ? 'twice' : `${all.length} times`
  const lines = [...new Set(all)]
  const last = lines.pop()
  return lines.length === 0 ? `${times}, on line ${last}` : `${times}, on lines ${lines.join(', ')} and ${last}`
}

/** The identity file of a configuration that may have faults. */
function identityPath(value: unknown, directory: string): string {
  const name = valueAt(value, ['identity'])
  return resolve(directory, atHome(typeof name === 'string' ? name : DEFAULT_IDENTITY))
}

function toConfig(file: ConfigFile, directory: string): Config {
  const path = (name: string) => resolve(directory, atHome(name))
  return {
    identity: path(file.identity),
    listen: file.listen.map(one => {
      if (typeof one === 'string') return { endpoint: parseEndpoint(one)! }
      const { url, cert, key } = one
      const tls = cert === undefined || key === undefined ? {} : { tls: { certFile: path(cert), keyFile: path(key) } }
      return { endpoint: parseEndpoint(url)!, ...tls }
    }),
    advertise: file.advertise.map(one => parseEndpoint(one)!),
    peers: file.peers.map(one => ({ ...one, endpoints: one.endpoints.map(text => parseEndpoint(text)!) })),
    forward: file.forward.map(one => ({ ...one, listen: parseHostPort(one.listen)!, to: parseHostPort(one.to)! })),
    routes: file.routes.map(({ to, ports, ...one }) => ({ rules: routeRules(to, ports), ...one })),
    proxy: file.proxy.map(one => ({ ...one, listen: parseHostPort(one.listen)! })),
    ...(file.capture === undefined ? {} : { capture: file.capture }),
    firewall: file.firewall,
    holdMs: parseDuration(file.hold)!,
    admin: { socket: path(file.admin.socket) },
    ca: file.ca === undefined ? undefined : path(file.ca),
  }
}
