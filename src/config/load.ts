/**
 * From a YAML file, or a value from code, to a checked Config. All faults are told at once, each with file, line and path; an
 * unknown key names the nearest known one. Nothing is applied of a configuration that has one fault.
 */
import { basename, dirname, resolve } from 'node:path'
import { distance } from 'fastest-levenshtein'
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { parseEndpoint, parseHostPort } from '../base/endpoint.ts'
import { ConfigError, type ConfigFault } from '../base/errors.ts'
import type { Config } from './config.ts'
import { parseDuration } from './duration.ts'
import { readTextFile } from './identity-file.ts'
import { type ConfigFile, type ConfigInput, configSchema } from './schema.ts'

type Path = readonly PropertyKey[]
type LineOf = (path: Path) => number | undefined

/** Unix socket paths beyond this are silently cut by some versions of Node. */
const SOCKET_PATH_BYTES_MAX = 107

/**
 * @param ownId this host's peer ID, where it is known: it may not be among the peers
 * @throws ConfigError with every fault; OperatorError FILE_UNREADABLE
 */
export function loadConfig(file: string, ownId?: string): Config {
  const text = readTextFile(file)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const syntax = document.errors.map(error => ({
    path: '(syntax)',
    line: lines.linePos(error.pos[0]).line,
    message: error.message,
  }))
  if (syntax.length > 0) throw new ConfigError(file, syntax)
  const lineOf: LineOf = path => lineAt(document, lines, path)
  return check(document.toJS() ?? {}, basename(file), dirname(resolve(file)), lineOf, ownId)
}

/** The same checks for a value from code; relative paths are relative to `directory`. @throws ConfigError */
export function checkConfig(input: ConfigInput, directory: string, ownId?: string): Config {
  return check(input, 'config', directory, () => undefined, ownId)
}

function check(value: unknown, file: string, directory: string, lineOf: LineOf, ownId: string | undefined): Config {
  const parsed = configSchema.safeParse(value)
  const faults: ConfigFault[] = []
  const add = (path: Path, message: string) => {
    const line = lineOf(path)
    faults.push({ path: pathText(path), message, ...(line === undefined ? {} : { line }) })
  }
  for (const issue of parsed.error?.issues ?? []) addIssue(issue, value, add)
  // What can be judged although something else is wrong, is.
  checkMeaning(asLoose(value), ownId, add)
  if (parsed.success) checkPaths(parsed.data, directory, add)
  if (faults.length > 0 || !parsed.success) {
    throw new ConfigError(file, [...faults].sort((a, b) => (a.line ?? 0) - (b.line ?? 0)))
  }
  return toConfig(parsed.data, directory)
}

type Add = (path: Path, message: string) => void

function addIssue(issue: z.core.$ZodIssue, value: unknown, add: Add): void {
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) add([...issue.path, key], `unknown key "${key}"${nearest(key, knownKeys(issue.path))}`)
  } else if (issue.code === 'invalid_union') {
    const deepest = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)
    const isObject = typeof at(value, issue.path) === 'object'
    const best = deepest.find(one => (isObject ? one.path.length > 0 || one.code === 'unrecognized_keys' : true))
    if (best !== undefined) addIssue({ ...best, path: [...issue.path, ...best.path] }, value, add)
    else add(issue.path, issue.message)
  } else if (issue.code === 'invalid_type') {
    const isMissing = at(value, issue.path) === undefined
    add(issue.path, isMissing ? 'is missing' : `must be ${article(issue.expected)}, not ${JSON.stringify(at(value, issue.path))}`)
  } else {
    add(issue.path, issue.message)
  }
}

/** Only what the meaning checks look at; anything may be missing or of a wrong type. */
interface Loose {
  readonly peers: readonly { readonly name?: unknown; readonly id?: unknown }[]
  readonly forward: readonly { readonly listen?: unknown; readonly peer?: unknown }[]
  readonly listen: readonly unknown[]
}

function asLoose(value: unknown): Loose {
  const list = (key: string) => {
    const found = at(value, [key])
    return Array.isArray(found) ? found.map(one => (typeof one === 'string' ? one : (one ?? {}))) : []
  }
  return { peers: list('peers'), forward: list('forward'), listen: list('listen') } as Loose
}

function checkMeaning({ peers, forward, listen }: Loose, ownId: string | undefined, add: Add): void {
  const names = peers.map(one => one.name).filter(name => typeof name === 'string')
  reportRepeats(names, i => add(['peers', i, 'name'], `the name "${names[i]}" is used twice`))
  const ids = peers.map(one => one.id)
  reportRepeats(ids, i => add(['peers', i, 'id'], 'this peer ID is used twice: one peer, one entry'))
  ids.forEach((id, i) => {
    if (id !== undefined && id === ownId) add(['peers', i, 'id'], 'this is this host’s own peer ID; write the other machine’s')
  })
  forward.forEach(({ peer }, i) => {
    if (typeof peer !== 'string' || names.includes(peer)) return
    add(['forward', i, 'peer'], `no peer is named "${peer}"${nearest(peer, names)}`)
  })
  const local = forward.map(one => one.listen)
  reportRepeats(local, i => {
    if (!String(local[i]).endsWith(':0')) add(['forward', i, 'listen'], `${local[i]} is listened on twice`)
  })
  listen.forEach((one, i) => {
    const { url, cert, key } = typeof one === 'string' ? { url: one } : (one as Record<string, string>)
    if (typeof url !== 'string' || !url.startsWith('wss://')) return
    if (cert === undefined || key === undefined) {
      add(['listen', i], 'a wss listener needs `cert` and `key`: {url: wss://…, cert: FILE, key: FILE}')
    }
  })
}

function checkPaths(config: ConfigFile, directory: string, add: Add): void {
  const socket = resolve(directory, config.admin.socket)
  const bytes = Buffer.byteLength(socket)
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    add(['admin', 'socket'], `the path ${socket} has ${bytes} bytes; a unix socket takes at most ${SOCKET_PATH_BYTES_MAX}`)
  }
}

function toConfig(file: ConfigFile, directory: string): Config {
  const path = (name: string) => resolve(directory, name)
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
    holdMs: parseDuration(file.hold)!,
    admin: { socket: path(file.admin.socket) },
    ca: file.ca === undefined ? undefined : path(file.ca),
  }
}

// ---- where a fault is

function lineAt(document: Document, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const node = nodeAt(document, path.slice(0, length))
    if (node?.range) return lines.linePos(node.range[0]).line
  }
  return 1
}

/** The node of a path; of the key, where the last step is one, since that is where a person looks. */
function nodeAt(document: Document, path: Path): Node | undefined {
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true)
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
    if (pair !== undefined) return pair.key as Node
  }
  return (path.length === 0 ? document.contents : document.getIn(path, true)) as Node | undefined
}

function pathText(path: Path): string {
  const text = path.map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  return text.replace(/^\./, '') || '(file)'
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, step) => (found as Record<PropertyKey, unknown> | undefined | null)?.[step], value)
}

// ---- words

function knownKeys(path: Path): readonly string[] {
  const shape = configSchema.shape
  const [first] = path
  if (first === undefined) return Object.keys(shape)
  if (first === 'peers') return ['name', 'id', 'endpoints', 'allow']
  if (first === 'forward') return ['listen', 'peer', 'to']
  return first === 'listen' ? ['url', 'cert', 'key'] : ['socket']
}

function nearest(word: string, known: readonly string[]): string {
  const [best] = [...known].sort((a, b) => distance(word, a) - distance(word, b))
  if (best === undefined) return ''
  return distance(word, best) <= Math.max(2, word.length / 2) ? `; did you mean "${best}"?` : `; known are ${known.join(', ')}`
}

function article(type: string): string {
  return type === 'array' ? 'a list' : type === 'object' ? 'a mapping' : /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function reportRepeats(values: readonly unknown[], report: (index: number) => void): void {
  values.forEach((value, i) => {
    if (value !== undefined && values.indexOf(value) < i) report(i)
  })
}
