/**
 * Endpoints and addresses in text: `tcp://host:port`, `ws://host:port/path`, `host:port`, `[v6]:port`.
 * Hosts are kept without brackets; formatting puts them back.
 */
import { isHostName, normalName } from './allow-rule.ts'
import { isLocalOnlyAddress, isMetadataAddress, parseIpAddress } from './ip-address.ts'

export type Scheme = 'tcp' | 'ws' | 'wss'

export interface HostPort {
  readonly host: string
  /** 0-65535; 0 only where a listener may choose. */
  readonly port: number
}

/** A URL a sidecar can be reached at, or listens on. */
export interface Endpoint extends HostPort {
  readonly scheme: Scheme
  /** '' for tcp; begins with '/' for ws and wss. */
  readonly path: string
}

const DEFAULT_PORT: Record<Scheme, number | undefined> = { tcp: undefined, ws: 80, wss: 443 }
const HOST_PORT = /^(?:\[([0-9a-fA-F.]*:[0-9a-fA-F:.]*(?:%[\w.-]+)?)\]|([^\s:/@[\]?#]+))(?::(\d{1,5}))?$/

/** @returns undefined when `text` is not `host:port` or `[v6]:port` with a port of 0-65535. */
export function parseHostPort(text: string, defaultPort?: number): HostPort | undefined {
  const match = HOST_PORT.exec(text)
  const host = match?.[1] ?? match?.[2]
  if (match === null || host === undefined || host.length > 255) return undefined
  const port = match[3] === undefined ? defaultPort : Number(match[3])
  return port === undefined || port > 65_535 ? undefined : { host, port }
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** @returns undefined when `text` is no endpoint URL. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(tcp|ws|wss):\/\/([^/?#\s]+)(\/[^\s#]*)?$/.exec(text)
  if (match === null) return undefined
  const scheme = match[1] as Scheme
  const hostPort = parseHostPort(match[2]!, DEFAULT_PORT[scheme])
  const path = match[3] ?? ''
  if (hostPort === undefined || (scheme === 'tcp' && path !== '' && path !== '/')) return undefined
  return { scheme, ...hostPort, path: scheme === 'tcp' ? '' : path || '/' }
}

export function formatEndpoint(endpoint: Endpoint): string {
  return `${endpoint.scheme}://${formatHostPort(endpoint)}${endpoint.path}`
}

/** For logs, messages and status: the query of a ws endpoint, which may be somebody's token, reads `?…`. */
export function printableEndpoint(endpoint: Endpoint): string {
  return formatEndpoint({ ...endpoint, path: endpoint.path.replace(/\?.+$/, '?…') })
}

/** `::ffff:a.b.c.d`, which a dual-stack listener reports, as `a.b.c.d`. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}

/** Whether it can be a name or an address: `256.1.1.1` and `127.1` are neither, and `*` is not. */
export function isHost(host: string): boolean {
  const address = host.includes(':') ? host.replace(/%.*$/, '') : host
  return parseIpAddress(address) !== undefined || isHostName(host)
}

/** Only this host reaches it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

export function isWildcard(host: string): boolean {
  return host === '::' || host === '0.0.0.0'
}

/**
 * Hosts that mean something else on every host, or only on one link: loopback, link-local, multicast, unspecified, in
 * whatever spelling; also what is neither name nor address, such as `127.1`, which a resolver may read as loopback.
 */
export function isLocalOnly(host: string): boolean {
  const address = parseIpAddress(host.replace(/%.*$/, ''))
  if (address !== undefined) return isLocalOnlyAddress(address)
  const name = normalName(host)
  return name === 'localhost' || name.endsWith('.localhost') || !isHostName(name)
}

/** An address, however it is written, of a cloud's metadata service. */
export function isMetadataService(host: string): boolean {
  const address = parseIpAddress(host.replace(/%.*$/, ''))
  return address !== undefined && isMetadataAddress(address)
}
